import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { commandOf } from '../../scripts/file-lock.mjs';
import { stopProcess } from './leftover.ts';
import { openLog, tailOf } from './log-file.ts';
import { freePort, isPortFree } from './ports.ts';
import { commandAs, openCluster, postgresUser, type PostgresCluster } from './postgres-cluster.ts';

/** A running Postgres of our own. */
export interface RunningPostgres {
  /** Connection string of its `reprise` database. */
  readonly url: string;
  readonly port: number;
  readonly major: number;
  /** Calls back when it ends without having been told to. */
  onExit(listener: () => void): void;
  /** Fast shutdown: connections are cut, nothing committed is lost. */
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /** Where its data, password and log live; made when missing. */
  readonly dataDir: string;
  /** The port to take if it is free, else one above it; without it any free port. */
  readonly port?: number;
  /** More settings, `name=value`. */
  readonly settings?: readonly string[];
  readonly logFile?: string;
}

const startDeadlineMs = 60_000; // after a crash Postgres first replays its log
const stopDeadlineMs = 10_000;
const pollMs = 20;
const tries = 8;

/** For one machine with two cores whose memory it shares; all else is Postgres' default. */
const machineSettings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'timezone=UTC',
  'lc_messages=C',
  'shared_buffers=256MB',
  'maintenance_work_mem=128MB',
  'random_page_cost=1.1', // disks without heads
  'wal_compression=on',
  'max_wal_size=2GB',
  'checkpoint_timeout=15min',
  'jit=off', // its compile time exceeds what the short queries here take
];

/**
 * Starts Postgres on a folder, and makes the cluster there first when there is none. One that a killed start left behind
 * on the same folder is stopped before.
 * @throws with the end of Postgres' log when it does not come up.
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const dataDir = resolve(options.dataDir);
  const cluster = await openCluster(dataDir);
  const logFile = options.logFile ?? join(dataDir, 'log');
  await stopOrphan(cluster.folder);
  let wanted = options.port;
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(wanted);
    const server = await launch(cluster, port, options.settings ?? [], logFile);
    if (await isReady(server, cluster.folder)) return running(server, cluster, port);
    const log = tailOf(logFile, 12);
    const taken = !(await isPortFree(port)); // another program took it in between
    if (attempt === tries || !(taken || isStillLetGo(log)))
      throw new Error(`Postgres did not start:\n${log}`);
    if (taken) wanted = port + 1;
    else await sleep(250 * attempt);
  }
}

async function launch(
  cluster: PostgresCluster,
  port: number,
  settings: readonly string[],
  logFile: string,
): Promise<ChildProcess> {
  const flags = [...machineSettings, ...settings].flatMap((setting) => ['-c', setting]);
  const args = ['-D', cluster.folder, '-p', String(port), ...flags];
  const call = commandAs(cluster.account, cluster.binaries.postgres, args);
  const log = openLog(logFile);
  // A group of its own: Ctrl-C in the terminal reaches only the process that knows the order of stopping.
  const server = spawn(call.command, call.args, {
    cwd: cluster.folder,
    detached: true,
    stdio: ['ignore', log, log],
    ...call.identity,
  });
  closeSync(log);
  await once(server, 'spawn');
  return server;
}

/** Waits for the line that Postgres itself writes for its tools (`pg_ctl -w` reads the same); false when it ended. */
async function isReady(server: ChildProcess, folder: string): Promise<boolean> {
  const deadline = performance.now() + startDeadlineMs;
  while (server.exitCode === null && server.signalCode === null) {
    const status = postmasterFile(folder);
    if (status?.pid === server.pid && status?.state === 'ready') return true;
    if (performance.now() > deadline) {
      server.kill('SIGQUIT');
      throw new Error(`Postgres was not ready after ${startDeadlineMs / 1000} s.`);
    }
    await sleep(pollMs);
  }
  return false;
}

async function running(
  server: ChildProcess,
  cluster: PostgresCluster,
  port: number,
): Promise<RunningPostgres> {
  const exited = once(server, 'exit');
  const interrupt = () => server.kill('SIGINT');
  process.once('exit', interrupt); // a test run that ends early leaves no server behind
  void exited.then(() => process.off('exit', interrupt));
  let stopping = false;
  const stop = async () => {
    stopping = true;
    if (server.exitCode !== null || server.signalCode !== null) return;
    interrupt();
    const cut = setTimeout(() => server.kill('SIGQUIT'), stopDeadlineMs);
    await exited;
    clearTimeout(cut);
  };
  // sslmode: a PGSSLMODE in the environment would otherwise ask this server for what it does not have.
  const url = (database: string) =>
    `postgres://${postgresUser}:${cluster.password}@127.0.0.1:${port}/${database}?sslmode=disable`;
  try {
    await createDatabase(url('postgres'));
  } catch (error) {
    await stop();
    throw error;
  }
  const onExit = (listener: () => void) => void exited.then(() => stopping || listener());
  return { url: url('reprise'), port, major: cluster.binaries.major, onExit, stop };
}

async function createDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const existing = await client.query("select 1 from pg_database where datname = 'reprise'");
    if (existing.rowCount === 0) await client.query('create database reprise');
  } finally {
    await client.end();
  }
}

/**
 * Stops the server that a killed start left on this cluster. A postmaster.pid whose process is not a Postgres on this
 * folder is removed: Postgres would refuse to start when that pid belongs to another program by now.
 */
async function stopOrphan(folder: string): Promise<void> {
  const left = postmasterFile(folder);
  if (left === null) return;
  const isOurs = commandOf(left.pid)?.includes(` -D ${folder} `) ?? false;
  if (isOurs) await stopProcess(left.pid, 'SIGINT', stopDeadlineMs);
  else rmSync(join(folder, 'postmaster.pid'), { force: true });
}

/** What postmaster.pid says: pid in its first line, state in its eighth. Source: postgres, src/include/utils/pidfile.h. */
function postmasterFile(folder: string): { readonly pid: number; readonly state: string } | null {
  const file = join(folder, 'postmaster.pid');
  if (!existsSync(file)) return null;
  const lines = readFileSync(file, 'utf8').split('\n');
  return { pid: Number(lines[0]), state: (lines[7] ?? '').trim() };
}

/** The backends of a killed server go on for a moment and hold its memory; Postgres refuses to start until they end. */
function isStillLetGo(log: string): boolean {
  return /shared memory block .* is still in use|lock file "postmaster\.pid" already exists/.test(log);
}
