import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import type { Replay as ReplaySchema } from '../../src/api/schemas/replay.ts';
import { until } from './until.ts';

/** A replay as the admin API answers it. */
export type Replay = z.output<typeof ReplaySchema>;

/** An answer of the admin API. */
export interface Answer {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into whatever came
  readonly body: any;
}

/** Reprise as a person has it after `npm start`. */
export interface Product {
  readonly apiUrl: string;
  /** Where Temporal's UI and its HTTP API are. */
  readonly temporalUrl: string;
  /** The embedded Postgres, for what only its rows tell. */
  readonly databaseUrl: string;
  /** Calls the admin API as its admin; bytes are sent as they are, everything else as JSON. */
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Pids of its processes by name, as it notes them: api, orchestration, delivery-1, ... */
  processes(): Record<string, number>;
  /** All that it has printed since this start. */
  output(): string;
  /** Ends it as a person does, by Ctrl-C, and waits until it has ended. @returns its exit code */
  stop(): Promise<number | null>;
}

export interface ProductOptions {
  /** The folder that its data folder lies in; of a product that was stopped, to start it again. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
}

const bannerLine = /^ {2}Temporal UI\s+(http\S+)/m;
const startDeadlineMs = 90_000;
const stopDeadlineMs = 40_000;
const entry = fileURLToPath(new URL('../../src/dev/start.ts', import.meta.url));
/** On ports of its own, without demo data, whatever the environment of the test run says. */
const environment = {
  PORT: '0',
  TEMPORAL_UI_PORT: '0',
  REPRISE_SEED_EVENTS: '0',
  DATABASE_URL: '',
  TEMPORAL_ADDRESS: '',
  REPRISE_ADMIN_TOKEN: '',
  REPRISE_SECRET_KEY: '',
  REPRISE_EGRESS_ALLOW: '',
};

/** A folder for a product, through which the Postgres of a run as root can pass. */
export function makeProductFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'reprise-e2e-'));
  chmodSync(path, 0o755);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts Reprise and waits until it serves. @throws with its output when it does not come up */
export async function startProduct({ folder, env = {} }: ProductOptions): Promise<Product> {
  const data = join(folder, 'data');
  const outputFile = join(folder, 'output');
  const output = openSync(outputFile, 'w');
  // A file, not a pipe: Postgres and Temporal would hold a pipe open beyond the end of the start.
  const child = spawn(process.execPath, [entry], {
    env: { ...process.env, ...environment, REPRISE_DATA_DIR: data, ...env },
    stdio: ['ignore', output, output, 'ipc'], // the channel tells it when this test run is killed
  });
  closeSync(output);
  const terminate = () => child.kill('SIGTERM');
  process.once('exit', terminate); // a test run that ends early leaves nothing behind
  void once(child, 'exit').then(() => process.off('exit', terminate));
  const printed = () => readFileSync(outputFile, 'utf8');
  const apiUrl = await servedUrl(child, data, printed);
  const [, temporalUrl = ''] = await until(
    'the banner is there',
    () => bannerLine.exec(printed()) ?? [],
    (found) => found.length > 0,
  );
  const token = env['REPRISE_ADMIN_TOKEN'] ?? readFileSync(join(data, 'admin-token'), 'utf8').trim();
  return {
    apiUrl,
    temporalUrl: temporalUrl.replace('localhost', '127.0.0.1'),
    databaseUrl: env['DATABASE_URL'] ?? databaseUrlOf(data),
    call: (method, path, body) => call(apiUrl + path, token, method, body),
    processes: () => processesOf(join(data, 'processes')),
    output: printed,
    stop: () => stop(child, printed),
  };
}

/** The API's address, which the lock on the data folder tells as soon as everything serves. */
async function servedUrl(child: ChildProcess, data: string, printed: () => string): Promise<string> {
  const look = () => {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`no start:\n${printed()}`);
    return readJson(join(data, 'lock'));
  };
  const isServing = (lock: Record<string, unknown> | null) =>
    lock?.['pid'] === child.pid && typeof lock?.['url'] === 'string';
  try {
    const lock = await until('the product serves', look, isServing, { deadlineMs: startDeadlineMs });
    return String(lock?.['url']).replace('localhost', '127.0.0.1');
  } catch (error) {
    child.kill('SIGTERM');
    throw error;
  }
}

async function call(url: string, token: string, method: string, body: unknown): Promise<Answer> {
  const sent =
    body === undefined
      ? { headers: { authorization: `Bearer ${token}` } }
      : {
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body),
        };
  const response = await fetch(url, { method, ...sent });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
}

async function stop(child: ChildProcess, printed: () => string): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit');
  child.kill('SIGINT');
  const cut = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs);
  await exited;
  clearTimeout(cut);
  if (child.signalCode !== null) throw new Error(`it did not stop:\n${printed()}`);
  return child.exitCode;
}

function processesOf(folder: string): Record<string, number> {
  const noted = readdirSync(folder).map((name) => [name, readJson(join(folder, name))?.['pid']] as const);
  return Object.fromEntries(noted.filter((one): one is [string, number] => typeof one[1] === 'number'));
}

/** Its password and port, as the cluster's own files have them. Source: postgres, src/include/utils/pidfile.h. */
function databaseUrlOf(data: string): string {
  const password = readFileSync(join(data, 'postgres', 'password'), 'utf8').trim();
  const port = readFileSync(join(data, 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[3];
  return `postgres://reprise:${password}@127.0.0.1:${port}/reprise?sslmode=disable`;
}

/** Null while there is none, or it is being written. */
function readJson(file: string): Record<string, unknown> | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  } catch {
    return null;
  }
}
