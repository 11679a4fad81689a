import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { afterAll, inject } from 'vitest';
import { openDatabase, type Database } from '../../src/db/database.ts';

export type TestDatabase = Database & { readonly url: string };

interface Options {
  readonly maxConnections?: number;
}

/** A migrated database of this file's own, cloned from the template and dropped after the file. */
export async function testDatabase(options: Options = {}): Promise<TestDatabase> {
  return await newDatabase('template_reprise', options);
}

/** A database as it was before an upgrade, dropped after the file. @param last of the migrations that it has had */
export async function databaseUpTo(last: string, options: Options = {}): Promise<TestDatabase> {
  const database = await newDatabase('template0', options);
  const dir = fileURLToPath(new URL('../../migrations', import.meta.url));
  const count = readdirSync(dir).filter((name) => name <= `${last}.sql`).length;
  await runner({
    databaseUrl: database.url,
    dir,
    migrationsTable: 'migration',
    direction: 'up',
    count,
    log: () => undefined,
  });
  return database;
}

async function newDatabase(template: string, options: Options): Promise<TestDatabase> {
  const server = inject('postgresUrl');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await onServer(server, (client) => client.query(`create database ${name} template ${template}`));
  const url = new URL(server);
  url.pathname = `/${name}`;
  const database = openDatabase({
    url: url.href,
    name: 'test',
    maxConnections: options.maxConnections ?? 16,
  });
  afterAll(async () => {
    await database.close();
    await onServer(server, (client) => client.query(`drop database ${name} with (force)`));
  });
  return { ...database, url: url.href };
}

async function onServer(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
