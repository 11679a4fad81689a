import { randomBytes } from 'node:crypto';
import { rmSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { freePort } from '../../src/dev/ports.ts';
import { startTemporal, type RunningTemporal } from '../../src/dev/temporal.ts';
import { openPostgres } from '../support/own-postgres.ts';
import { makeProductFolder, type Answer } from '../support/product.ts';
import { openProxy, type Proxy } from '../support/proxy.ts';
import { temporalHttp, type TemporalHttp } from '../support/temporal-http.ts';
import { startRole, type Role } from './role.ts';

export const roleNames = ['api', 'orchestration', 'delivery-1', 'delivery-2'] as const;
export type RoleName = (typeof roleNames)[number];
export type ServerName = 'postgres' | 'temporal';

/** A server that can be killed, and stopped. */
export interface StageServer {
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** It stands still. @returns what lets it go on */
  freeze(): () => void;
  /** Starts it again on the same data; resolves when it accepts. */
  start(): Promise<void>;
}

/** Reprise as its processes, each the test's own child, with a proxy on each link between them and the two servers. */
export interface Stage {
  readonly folder: string;
  readonly apiUrl: string;
  readonly roles: Readonly<Record<RoleName, Role>>;
  readonly servers: Readonly<Record<ServerName, StageServer>> & {
    /** Deletes what Temporal has stored; it must have been killed. */
    readonly forgetTemporal: () => void;
  };
  readonly links: Readonly<Record<RoleName, Readonly<Record<ServerName, Proxy>>>>;
  readonly temporal: TemporalHttp & {
    /** Ends a workflow as a person does in the UI. */
    readonly terminate: (workflowId: string) => Promise<void>;
  };
  /** Calls the admin API as its admin. @throws when the API is away or does not answer in time */
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** What only the rows tell. */
  rows<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

const token = 'a-token-for-tests-only';
const callDeadlineMs = 10_000;
const entries: Readonly<Record<RoleName, string>> = {
  api: 'api/main.ts',
  orchestration: 'workers/orchestration.ts',
  'delivery-1': 'workers/delivery.ts',
  'delivery-2': 'workers/delivery.ts',
};

/** Who sends events. */
export interface Source {
  readonly id: string;
  readonly writeKey: string;
}

/** Makes a source. */
export async function newSource(stage: Pick<Stage, 'call'>, name: string): Promise<Source> {
  return (await stage.call('POST', '/api/sources', { name })).body as Source;
}

/** Milliseconds since 1970, as the sinks' ledgers have them: finer than Date.now(). */
export function wallClock(): number {
  return performance.timeOrigin + performance.now();
}

/** Starts everything and waits until it serves. With `CHAOS_KEEP` its folder, with all logs, is left behind. */
export async function openStage(): Promise<Stage> {
  const folder = makeProductFolder();
  const closing: (() => unknown)[] = process.env['CHAOS_KEEP'] === undefined ? [() => folder.remove()] : [];
  const close = async () => {
    for (const step of closing.splice(0).toReversed()) await step();
  };
  try {
    const [postgres, temporal] = await Promise.all([
      openPostgres(join(folder.path, 'postgres')),
      openTemporal(join(folder.path, 'temporal')),
    ]);
    closing.push(postgres.stop, temporal.stop);
    const port = await freePort();
    const started: [RoleName, Role, Record<ServerName, Proxy>][] = [];
    const key = randomBytes(32).toString('base64');
    for (const name of roleNames) {
      const links = { postgres: await openProxy(postgres.port), temporal: await openProxy(temporal.port) };
      const environment = {
        PORT: String(port),
        DATABASE_URL: postgres.url(links.postgres.port),
        TEMPORAL_ADDRESS: `127.0.0.1:${links.temporal.port}`,
        TEMPORAL_CONFIG_FILE: '/dev/null',
        TEMPORAL_NAMESPACE: 'default',
        REPRISE_ADMIN_TOKEN: token,
        REPRISE_SECRET_KEY: key,
        REPRISE_EGRESS_ALLOW: '127.0.0.1/32',
        REPRISE_LOG_LEVEL: 'info',
      };
      const role = startRole(name, entries[name], environment, join(folder.path, `${name}.log`));
      closing.push(() => Promise.all([links.postgres.close(), links.temporal.close()]));
      started.push([name, role, links]);
    }
    closing.push(() => Promise.all(started.map(([, role]) => role.stop())));
    await Promise.all(started.map(([, role]) => role.serving()));
    const apiUrl = `http://127.0.0.1:${port}`;
    return {
      folder: folder.path,
      apiUrl,
      roles: Object.fromEntries(started.map(([name, role]) => [name, role])) as Stage['roles'],
      links: Object.fromEntries(started.map(([name, , links]) => [name, links])) as Stage['links'],
      servers: { postgres, temporal, forgetTemporal: temporal.forget },
      temporal: { ...temporalHttp(temporal.uiUrl), terminate: (id) => terminate(temporal.port(), id) },
      call: (method, path, body) => call(apiUrl + path, method, body),
      rows: (text, values = []) => rowsOf(postgres.url(), text, values),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openTemporal(dataDir: string) {
  let server: RunningTemporal = await startTemporal({ dataDir });
  const { port, uiPort } = server;
  return {
    port: () => server.port,
    uiUrl: `http://127.0.0.1:${uiPort}`,
    kill: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.onExit(resolve);
      process.kill(server.pid, 'SIGKILL');
      await promise;
    },
    freeze: () => {
      const { pid } = server;
      process.kill(pid, 'SIGSTOP');
      return () => void process.kill(pid, 'SIGCONT');
    },
    start: async () => {
      server = await startTemporal({ dataDir, port, uiPort });
    },
    forget: () => {
      for (const file of readdirSync(dataDir)) if (file.startsWith('store-')) rmSync(join(dataDir, file));
    },
    stop: () => server.stop(),
  };
}

async function terminate(port: number, workflowId: string): Promise<void> {
  const connection = await Connection.connect({ address: `127.0.0.1:${port}` });
  try {
    await new Client({ connection }).workflow.getHandle(workflowId).terminate('by hand');
  } finally {
    await connection.close();
  }
}

async function call(url: string, method: string, body: unknown): Promise<Answer> {
  const authorization = `Bearer ${token}`;
  const sent =
    body === undefined
      ? { headers: { authorization } }
      : { headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(url, { method, signal: AbortSignal.timeout(callDeadlineMs), ...sent });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
}

async function rowsOf<Row>(url: string, text: string, values: readonly unknown[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined); // its server may be killed meanwhile: the query then fails
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows as Row[];
  } finally {
    await client.end().catch(() => undefined);
  }
}
