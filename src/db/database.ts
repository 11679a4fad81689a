import pg from 'pg';
import { CopyOut, type Copying } from './copy-out.ts';
import type { Queryable, Statement } from './sql.ts';

const { Pool, types } = pg;

/** How a process talks to Postgres: a bounded pool, every query with a deadline. */
export interface Database extends Queryable, Copying {
  /** Runs `work` in one transaction; what it throws rolls back and is thrown on. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  /** The pool itself, for COPY and LISTEN. */
  readonly pool: pg.Pool;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly maxConnections?: number;
  /** A query that takes longer fails, here as well as at the server. */
  readonly queryTimeoutMs?: number;
  /** A transaction whose owner says nothing for longer is ended, with its locks: the owner may have been stopped. */
  readonly idleInTransactionMs?: number;
}

// Positions are bigint in Postgres and stay far below 2^53 here; counts likewise.
const parsers: pg.CustomTypesConfig = {
  getTypeParser: (...[oid, format]: Parameters<typeof types.getTypeParser>) =>
    oid === types.builtins.INT8 ? toSafeInteger : types.getTypeParser(oid, format),
};

function toSafeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`bigint out of the safe range: ${text}`);
  return value;
}

/**
 * Postgres breaks a statement off at this part of the deadline, before its caller gives up, so that the work and its
 * locks end with the answer. The caller's own deadline is for a backend or a network that answers no more.
 */
const serverPart = 0.9;

/** Opens a pool; connections are made on demand, so this does not fail when Postgres is away. */
export function openDatabase(options: DatabaseOptions): Database {
  const queryTimeoutMs = options.queryTimeoutMs ?? 30_000;
  const pool = new Pool({
    connectionString: options.url,
    application_name: options.name,
    max: options.maxConnections ?? 8,
    query_timeout: queryTimeoutMs,
    statement_timeout: Math.ceil(queryTimeoutMs * serverPart),
    idle_in_transaction_session_timeout: options.idleInTransactionMs ?? 10_000,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    types: parsers,
  });
  pool.on('error', () => undefined); // an idle connection that breaks is replaced by the next query
  return {
    ...queryable(pool),
    // The types of pg do not tell that a pool promises what a submittable hands to its callback.
    copyOut: async (statement, settings = {}) =>
      pool.query(new CopyOut(statement, settings)) as unknown as Promise<readonly Buffer[]>,
    transaction: (work) => transact(pool, work),
    pool,
    close: () => pool.end(),
  };
}

function queryable(client: pg.Pool | pg.PoolClient): Queryable {
  const query = (statement: Statement) => client.query(statement.text, [...statement.values]);
  return {
    rows: async (statement) => (await query(statement)).rows,
    run: async (statement) => (await query(statement)).rowCount ?? 0,
  };
}

async function transact<T>(pool: pg.Pool, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error) => (broken = error);
  client.on('error', onError);
  try {
    await client.query('begin');
    const result = await work(queryable(client));
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => (broken = failure));
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
