import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { readEvent, type Arrival } from '../src/core/new-event.ts';
import { appendEvents } from '../src/db/archive/append.ts';
import { openDatabase, type Database } from '../src/db/database.ts';
import { migrate } from '../src/db/migrate.ts';
import { sql } from '../src/db/sql.ts';
import { flagsOf } from '../src/child-process.ts';
import { startPostgres } from '../src/dev/postgres.ts';
import { startTemporal } from '../src/dev/temporal.ts';

/** What all measurements run on: servers of their own in a folder of their own, and processes of the product. */
export interface Rig {
  readonly db: Database;
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  /** The environment of every process that is started. */
  readonly environment: NodeJS.ProcessEnv;
  /** Starts a process of this repository and waits until it says that it serves. */
  start(file: string, more?: { env?: NodeJS.ProcessEnv; args?: readonly string[] }): Promise<Started>;
  /** Runs a process of this repository to its end. @returns what it says last, by message */
  run(file: string, args: readonly string[]): Promise<unknown>;
}

export interface Started {
  readonly pid: number;
  /** Where it listens, 0 if it does not. */
  readonly port: number;
  stop(): Promise<void>;
}

/** Sets everything up, lets `work` measure, and leaves nothing behind. */
export async function withRig(work: (rig: Rig) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'reprise-bench-'));
  await chmod(folder, 0o755);
  const ends: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const endAll = async () => {
    for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end().catch(() => undefined);
  };
  // Postgres and Temporal run in groups of their own: what ends this process does not end them.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void endAll().then(() => process.exit(1)));
  try {
    const postgres = await startPostgres({ dataDir: join(folder, 'postgres') });
    ends.push(() => postgres.stop());
    const temporal = await startTemporal({ dataDir: join(folder, 'temporal') });
    ends.push(() => temporal.stop());
    await migrate(postgres.url);
    const db = openDatabase({ url: postgres.url, name: 'bench' });
    ends.push(() => db.close());
    const environment = {
      ...process.env,
      PORT: '0',
      DATABASE_URL: postgres.url,
      TEMPORAL_ADDRESS: temporal.address,
      REPRISE_ADMIN_TOKEN: randomBytes(24).toString('base64url'),
      REPRISE_SECRET_KEY: randomBytes(32).toString('base64'),
      REPRISE_EGRESS_ALLOW: '127.0.0.1/32',
      REPRISE_LOG_LEVEL: 'warn',
    };
    await work({
      db,
      databaseUrl: postgres.url,
      temporalAddress: temporal.address,
      environment,
      start: async (file, { env = {}, args = [] } = {}) => {
        const started = await startProcess(file, { ...environment, ...env }, args);
        ends.push(() => started.stop());
        return started;
      },
      run: (file, args) => runProcess(file, environment, args),
    });
  } finally {
    await endAll();
  }
}

/** BENCH_FLAGS are Node flags, for example `--cpu-prof`, of the API, the delivery workers and what they are compared with. */
function spawnNode(file: string, env: NodeJS.ProcessEnv, args: readonly string[]) {
  const own = /^(src|dist)\//.test(file) ? flagsOf(file) : [];
  const asked = /delivery|bare|api\/main/.test(file)
    ? (process.env['BENCH_FLAGS'] ?? '').split(' ').filter(Boolean)
    : [];
  const flags = [...own, ...asked];
  return spawn(process.execPath, [...flags, file, ...args], { env, stdio: ['ignore', 2, 2, 'ipc'] });
}

async function startProcess(file: string, env: NodeJS.ProcessEnv, args: readonly string[]): Promise<Started> {
  const child = spawnNode(file, env, args);
  const exited = once(child, 'exit');
  const [ready] = (await Promise.race([
    once(child, 'message'),
    exited.then(() => {
      throw new Error(`${file} ended before it served`);
    }),
  ])) as [{ port?: number }];
  return {
    pid: child.pid!,
    port: ready.port ?? 0,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function runProcess(file: string, env: NodeJS.ProcessEnv, args: readonly string[]): Promise<unknown> {
  const child = spawnNode(file, env, args);
  let said: unknown;
  child.on('message', (message) => (said = message));
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${file} ended with code ${code}`);
  return said;
}

/**
 * Appends events of 5,000 users. @param bytes about how long each is
 * @param type identify calls have two traits, one of which each call of a user sets anew
 */
export async function fill(
  db: Database,
  count: number,
  bytes = 1_000,
  type: 'track' | 'identify' = 'track',
): Promise<void> {
  const sourceId = randomUUID();
  await db.run(sql`insert into source (id, name) values (${sourceId}, 'bench')`);
  const arrival: Arrival = {
    sourceId,
    origin: 'tracking_api',
    receivedAt: new Date(),
    live: true,
    sentAt: null,
    batch: { context: [], integrations: [] },
    integrations: undefined,
    newMessageId: randomUUID,
  };
  const filler = 'x'.repeat(Math.max(0, bytes - 240));
  for (let from = 0; from < count; from += 2_000) {
    const batch = Array.from({ length: Math.min(2_000, count - from) }, (_, index) => {
      const number = from + index;
      const body = {
        type,
        ...(type === 'track'
          ? { event: 'Order Completed' }
          : { traits: { number, [`of${number % 3}`]: number } }),
        userId: `user-${number % 5_000}`,
        messageId: `bench-${number}`,
        timestamp: new Date().toISOString(),
        properties: { number, filler },
        context: { library: { name: 'bench', version: '1' } },
      };
      return readEvent(body, Buffer.from(JSON.stringify(body)), null, arrival).event!;
    });
    await appendEvents(db, batch);
  }
}

/** Processes that a process has started. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** The middle one of some numbers. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)]!;
}

/** Writes what was measured, with the command and the machine, to results/<name>.json. */
export async function report(name: string, result: Record<string, unknown>): Promise<void> {
  const text = JSON.stringify(
    {
      command: ['node', `bench/${process.argv[1]!.split('/').at(-1)}`, ...process.argv.slice(2)].join(' '),
      machine: `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}, Postgres, Temporal and sink on the same machine`,
      loadAverage: loadavg().map((load) => Number(load.toFixed(2))),
      ...result,
    },
    null,
    2,
  );
  await writeFile(new URL(`results/${name}.json`, import.meta.url), `${text}\n`);
  process.stdout.write(`${text}\n`);
}

/** Says what was just measured. */
export function say(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
