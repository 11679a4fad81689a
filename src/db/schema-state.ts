import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openDatabase, type Database } from './database.ts';
import { sql } from './sql.ts';

/** How a database's schema stands against the migrations of this version. */
export interface SchemaState {
  /** Names of those that are not applied yet, in their order. */
  readonly missing: readonly string[];
  /** Names of those that this version does not know: a newer one has been there. */
  readonly unknown: readonly string[];
  /** Postgres' clock at that moment. */
  readonly now: Date;
}

/** Looks at a database without changing it. @throws what Postgres or the network says when it cannot be reached */
export async function schemaState(url: string): Promise<SchemaState> {
  const db = openDatabase({ url, name: 'reprise-schema', maxConnections: 1, queryTimeoutMs: 10_000 });
  try {
    const [row] = await db.rows<{ now: Date; there: boolean }>(
      sql`select clock_timestamp() as now, to_regclass('migration') is not null as there`,
    );
    if (row === undefined) throw new Error('a select without from gave no row');
    const applied = row.there ? await appliedTo(db) : [];
    const known = knownMigrations();
    return {
      missing: known.filter((name) => !applied.includes(name)),
      unknown: applied.filter((name) => !known.includes(name)),
      now: row.now,
    };
  } finally {
    await db.close();
  }
}

async function appliedTo(db: Database): Promise<string[]> {
  const rows = await db.rows<{ name: string }>(sql`select name from migration order by id`);
  return rows.map(({ name }) => name);
}

function knownMigrations(): string[] {
  const files = readdirSync(fileURLToPath(new URL('../../migrations', import.meta.url)));
  return files
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .toSorted();
}
