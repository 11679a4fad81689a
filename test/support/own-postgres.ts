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
  /** Starts it again on the same data; resolves when it accepts. */
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts one on a folder, migrated. */
export async function openPostgres(dataDir: string): Promise<OwnPostgres> {
  let server: RunningPostgres = await startPostgres({ dataDir });
  const cluster = join(dataDir, 'cluster');
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
      const pid = Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
      const { promise, resolve } = Promise.withResolvers<void>();
      server.onExit(resolve);
      process.kill(pid, 'SIGKILL');
      await promise;
    },
    start: async () => {
      server = await startPostgres({ dataDir, port: server.port });
    },
    stop: () => server.stop(),
  };
}
