import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrate } from '../../src/db/migrate.ts';
import { startPostgres, type RunningPostgres } from '../../src/dev/postgres.ts';

/** A Postgres of a test's own, which it may kill. */
export interface OwnPostgres {
  /** Postgres' own data directory. */
  readonly cluster: string;
  readonly port: () => number;
  /** Of its migrated database. @param port another way there */
  readonly url: (port?: number) => string;
  /** SIGKILL; resolves when it is gone. */
  readonly kill: () => Promise<void>;
  /** SIGSTOP of all its processes. @returns what lets them go on */
  readonly freeze: () => () => void;
  /** Starts it again on the same data; resolves when it accepts. */
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts one on a folder, migrated. */
export async function openPostgres(dataDir: string): Promise<OwnPostgres> {
  let server: RunningPostgres = await startPostgres({ dataDir });
  const cluster = join(dataDir, 'cluster');
  const pidOf = () => Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
  await migrate(server.url);
  return {
    cluster,
    port: () => server.port,
    url: (port = server.port) => {
      const there = new URL(server.url);
      there.port = String(port);
      return there.href;
    },
    kill: async () => {
      const pid = pidOf();
      const { promise, resolve } = Promise.withResolvers<void>();
      server.onExit(resolve);
      process.kill(pid, 'SIGKILL');
      await promise;
    },
    freeze: () => {
      const pids = [pidOf(), ...childrenOf(pidOf())]; // first the one that would make new ones
      for (const pid of pids) process.kill(pid, 'SIGSTOP');
      return () => {
        for (const pid of pids.toReversed()) process.kill(pid, 'SIGCONT');
      };
    },
    start: async () => {
      server = await startPostgres({ dataDir, port: server.port });
    },
    stop: () => server.stop(),
  };
}

/** The processes that a process has started and that still run. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}
