import { expect, test } from 'vitest';
import { migrate } from '../../src/db/migrate.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';

const db = await testDatabase();

test('several processes may migrate at once, and again', async () => {
  await Promise.all([migrate(db.url), migrate(db.url), migrate(db.url)]);
  const rows = await db.rows<{ tables: number }>(
    sql`select count(*) as tables from information_schema.tables where table_name in ('event', 'run', 'coverage')`,
  );
  expect(rows[0]?.tables).toBe(3);
});
