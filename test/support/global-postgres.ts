import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/db/migrate.ts';
import { startPostgres } from '../../src/dev/postgres.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    postgresUrl: string;
  }
}

/** One Postgres for the run, with a migrated template that each test file clones. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'reprise-test-'));
  await chmod(dataDir, 0o755); // as root, Postgres runs as a user of its own
  const server = await startPostgres({
    dataDir: join(dataDir, 'pg'),
    settings: ['max_connections=300', 'fsync=off'],
  });
  const url = new URL(server.url);
  const admin = new pg.Client({ connectionString: url.href });
  await admin.connect();
  await admin.query('create database template_reprise');
  await admin.end();
  url.pathname = '/template_reprise';
  await migrate(url.href);
  project.provide('postgresUrl', server.url);
  return async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}
