import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, inject } from 'vitest';
import { openDatabase, type Database } from '../../src/db/database.ts';

export type TestDatabase = Database & { readonly url: string };

/** A migrated database of this file's own, cloned from the template and dropped after the file. */
export async function testDatabase(options: { maxConnections?: number } = {}): Promise<TestDatabase> {
  const server = inject('postgresUrl');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await onServer(server, (client) => client.query(`create database ${name} template template_reprise`));
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
