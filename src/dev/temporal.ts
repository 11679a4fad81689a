import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { readConfig } from '../config.ts';
import { forgetProcess, rememberProcess, stopLeftover } from './leftover.ts';
import { openLog, tailOf } from './log-file.ts';
import { freePort, isPortFree } from './ports.ts';
import { obtainTemporalCli } from './temporal-cli/obtain.ts';
import type { TemporalCli } from './temporal-cli/version.ts';

const run = promisify(execFile);

/** A running Temporal dev server of our own. */
export interface RunningTemporal {
  /** host:port of its gRPC door. */
  readonly address: string;
  readonly port: number;
  readonly uiUrl: string;
  readonly uiPort: number;
  readonly pid: number;
  readonly version: string;
  /** Calls back when it ends without having been told to. */
  onExit(listener: () => void): void;
  stop(): Promise<void>;
}

export interface TemporalOptions {
  /** Where its store and log live; made when missing. */
  readonly dataDir: string;
  /** The ports to take if they are free, else some above them; without them any free ones. */
  readonly port?: number;
  readonly uiPort?: number;
  /** Made when missing; `default` is always there. */
  readonly namespace?: string;
  /** Server settings, key to JSON value, beside those that Reprise needs. */
  readonly dynamicConfig?: Readonly<Record<string, string>>;
  /** The CLI to run; without it one is obtained. */
  readonly cli?: TemporalCli;
  readonly logFile?: string;
}

/** Finished workflows stay visible for three days, so that a run of Friday can be looked at on Monday. */
const retention = '72h';
const startDeadlineMs = 60_000;
const stopDeadlineMs = 5_000;
const pollMs = 50;
const tries = 8;

/** Streams and replays share workers fairly only with it. */
const neededConfig = { 'matching.enableFairness': 'true' };

/**
 * Starts a Temporal dev server with its UI and a store in `dataDir`. One that a killed start left behind on the same
 * folder is stopped before.
 * @throws with the end of its log when it does not come up.
 */
export async function startTemporal(options: TemporalOptions): Promise<RunningTemporal> {
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true });
  const cli = options.cli ?? (await obtainQuietly());
  const note = join(dataDir, 'process');
  const logFile = options.logFile ?? join(dataDir, 'log');
  await stopLeftover(note, 'SIGTERM', stopDeadlineMs);
  let wanted = { port: options.port, uiPort: options.uiPort };
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(wanted.port);
    const uiPort = await freePort(wanted.uiPort, async (free) => free !== port && (await isPortFree(free)));
    const server = await launch(cli, argumentsFor(options, dataDir, cli, port, uiPort), dataDir, logFile);
    if (server.pid !== undefined) rememberProcess(note, server.pid);
    const address = `127.0.0.1:${port}`;
    if (await isReady(server, cli, address, options.namespace ?? 'default')) {
      return running(server, { address, port, uiPort, version: cli.version }, note);
    }
    forgetProcess(note);
    const end = tailOf(logFile, 12);
    // Another program took a port in between. One that only sends from it may have let go of it by now.
    const taken =
      end.includes('address already in use') || !((await isPortFree(port)) && (await isPortFree(uiPort)));
    if (attempt === tries || !taken) throw new Error(`Temporal did not start:\n${end}`);
    wanted = { port: port + 1, uiPort: uiPort + 1 };
  }
}

function obtainQuietly(): Promise<TemporalCli> {
  const config = readConfig();
  return obtainTemporalCli({
    named: config.TEMPORAL_CLI,
    cacheHome: config.XDG_CACHE_HOME,
    say: () => undefined,
  });
}

function argumentsFor(
  options: TemporalOptions,
  dataDir: string,
  cli: TemporalCli,
  port: number,
  uiPort: number,
): string[] {
  const settings = Object.entries({ ...neededConfig, ...options.dynamicConfig });
  const namespace = options.namespace ?? 'default';
  // start-dev does not bring the store of an older version up to date, so each version has its own
  const store = join(dataDir, `store-${cli.version}.db`);
  const flags = [
    ...isolated,
    '--ip=127.0.0.1',
    `--port=${port}`,
    `--ui-port=${uiPort}`,
    `--db-filename=${store}`,
    // The store may be lost without loss, so a commit need not wait for the disk; with the rollback journal each waits
    // for it several times, and sixty slices that heartbeat once a second are more than that can take.
    '--sqlite-pragma=journal_mode=wal',
    '--sqlite-pragma=synchronous=normal',
    '--log-level=error',
    '--ui-disable-news-fetch',
    ...(namespace === 'default' ? [] : [`--namespace=${namespace}`]),
    ...settings.map(([key, value]) => `--dynamic-config-value=${key}=${value}`),
  ];
  return ['server', 'start-dev', ...flags];
}

/** A user's own Temporal settings are for other servers. */
const isolated = ['--disable-config-file', '--disable-config-env'];

async function launch(
  cli: TemporalCli,
  args: readonly string[],
  cwd: string,
  logFile: string,
): Promise<ChildProcess> {
  const log = openLog(logFile);
  // A group of its own: Ctrl-C in the terminal reaches only the process that knows the order of stopping.
  const server = spawn(cli.command, args, { cwd, detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  await once(server, 'spawn');
  return server;
}

/** Waits until the namespace answers, which it does by taking its retention; false when the server ended. */
async function isReady(
  server: ChildProcess,
  cli: TemporalCli,
  address: string,
  namespace: string,
): Promise<boolean> {
  const deadline = performance.now() + startDeadlineMs;
  const update = ['operator', 'namespace', 'update', '--namespace', namespace, '--retention', retention];
  while (server.exitCode === null && server.signalCode === null) {
    const answer = await run(cli.command, [...update, '--address', address, ...isolated], {
      timeout: 10_000,
    }).then(
      () => true,
      () => false,
    );
    if (answer) return true;
    if (performance.now() > deadline) {
      server.kill('SIGKILL');
      throw new Error(`Temporal was not ready after ${startDeadlineMs / 1000} s.`);
    }
    await sleep(pollMs);
  }
  return false;
}

function running(
  server: ChildProcess,
  facts: { address: string; port: number; uiPort: number; version: string },
  note: string,
): RunningTemporal {
  const exited = once(server, 'exit').then(() => forgetProcess(note));
  const terminate = () => server.kill('SIGTERM');
  process.once('exit', terminate); // a test run that ends early leaves no server behind
  void exited.then(() => process.off('exit', terminate));
  let stopping = false;
  const stop = async () => {
    stopping = true;
    if (server.exitCode !== null || server.signalCode !== null) return;
    terminate();
    const cut = setTimeout(() => server.kill('SIGKILL'), stopDeadlineMs); // the store survives it
    await exited;
    clearTimeout(cut);
  };
  return {
    ...facts,
    uiUrl: `http://localhost:${facts.uiPort}`,
    pid: server.pid ?? 0,
    onExit: (listener) => void exited.then(() => stopping || listener()),
    stop,
  };
}
