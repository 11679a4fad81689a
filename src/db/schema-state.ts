import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openDatabase } from './database.ts';
import { isOutage } from './outage.ts';
import { sql, type Queryable } from './sql.ts';

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
    return await schemaStateOf(db);
  } finally {
    await db.close();
  }
}

/** The same over connections that are there. */
export async function schemaStateOf(db: Queryable): Promise<SchemaState> {
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
}

/** How long a process that starts waits for a Postgres that does not answer; milliseconds. */
const startPatienceMs = 2_000;

/** A database that lacks migrations which this version works with. */
class SchemaBehind extends Error {
  override readonly name = 'SchemaBehind';
}

/**
 * To be called by a process before it works: a schema that is older than the code would fail it at one statement or
 * another. One that is newer is what an upgrade makes, as each version works with the schema of the next one. While
 * Postgres is away nothing is known, and the process starts all the same.
 * @param ahead hears the names of migrations that this version does not know
 * @throws SchemaBehind with the remedy
 */
export async function refuseOldSchema(
  db: Queryable,
  ahead: (unknown: readonly string[]) => void,
): Promise<void> {
  const looked = schemaStateOf(db).catch((error: unknown) => {
    if (isOutage(error)) return null;
    throw error;
  });
  const state = await Promise.race([looked, pause(startPatienceMs, null, { ref: false })]);
  if (state === null) return;
  const [first] = state.missing;
  if (first !== undefined)
    throw new SchemaBehind(
      `The database lacks ${state.missing.length} migrations of this version, the first is ${first}. Run \`reprise migrate\` of this version, then start the process again.`,
    );
  if (state.unknown.length > 0) ahead(state.unknown);
}

async function appliedTo(db: Queryable): Promise<string[]> {
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
