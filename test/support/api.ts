import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { pino } from 'pino';
import { afterAll } from 'vitest';
import { createApp } from '../../src/api/app.ts';
import type { ApiDeps } from '../../src/api/deps.ts';
import { errorForLog } from '../../src/log.ts';
import { startServer } from '../../src/api/server.ts';
import { checkDocumented } from './documented.ts';
import { readConfig } from '../../src/config.ts';
import type { Database } from '../../src/db/database.ts';
import { parseEgressAllow } from '../../src/destinations/egress-address.ts';
import { createKeyring } from '../../src/destinations/secrets.ts';
import { openOrchestrator, type Orchestrator } from '../../src/temporal/orchestrator.ts';

export const adminToken = 'a-token-for-tests-only';

/** An answer with its body read. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into whatever came
  readonly body: any;
}

export interface TestApi {
  readonly url: string;
  readonly deps: ApiDeps;
  /** Everything that was logged so far. */
  readonly log: () => string;
  /** Ends what goes on for ever, as a shutdown does. */
  readonly stop: () => void;
  /** Calls as the admin, and checks that the reference documents what is answered. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answered>;
}

/** The admin API on an ephemeral port. Unless given another, its Temporal is away: calls fail at once. */
export async function testApi(
  db: Database,
  options: {
    orchestrator?: Orchestrator;
    requestsPerSecond?: number;
    region?: string;
    secretKey?: string;
  } = {},
): Promise<TestApi> {
  const logged: Buffer[] = [];
  const sink = new PassThrough().on('data', (chunk: Buffer) => logged.push(chunk));
  const stopping = new AbortController();
  const orchestrator = options.orchestrator ?? (await closedOrchestrator());
  const deps: ApiDeps = {
    db,
    orchestrator,
    log: pino({ level: 'trace', serializers: { err: errorForLog } }, sink),
    adminToken,
    requestsPerSecond: options.requestsPerSecond ?? 0,
    suppressedUsers: 'archive',
    region: options.region ?? null,
    keyring: createKeyring(options.secretKey ?? randomBytes(32).toString('base64')),
    egress: parseEgressAllow(['127.0.0.1']),
    stopping: stopping.signal,
  };
  const server = await startServer({ host: '127.0.0.1', port: 0, first: null, app: createApp(deps) });
  const url = `http://127.0.0.1:${server.port}`;
  afterAll(async () => {
    stopping.abort();
    await server.close();
  });
  return {
    url,
    deps,
    log: () => Buffer.concat(logged).toString(),
    stop: () => stopping.abort(),
    call: async (method, path, body, headers = {}) => {
      const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
      const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
      const all = { authorization: `Bearer ${adminToken}`, ...type, ...headers };
      const answer = await answered(await fetch(url + path, { method, headers: all, ...sent }));
      checkDocumented(method, path, answer);
      return answer;
    },
  };
}

async function closedOrchestrator(): Promise<Orchestrator> {
  const orchestrator = openOrchestrator(readConfig({ TEMPORAL_ADDRESS: '127.0.0.1:1' }));
  await orchestrator.close();
  return orchestrator;
}

/** Reads an answer to its end; one that goes on for ever is left. */
export async function answered(response: Response): Promise<Answered> {
  const goesOn = /event-stream/.test(response.headers.get('content-type') ?? '');
  if (goesOn) await response.body?.cancel();
  const text = goesOn ? '' : await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '') && text !== '';
  const body: unknown = isJson ? JSON.parse(text) : undefined;
  return { status: response.status, headers: response.headers, text, body };
}
