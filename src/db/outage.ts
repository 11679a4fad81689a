import { sql, type Queryable } from './sql.ts';

/**
 * SQLSTATE classes that say that Postgres cannot serve now: connection trouble, no resources, a statement that was broken
 * off (it took too long, or an operator cancelled it), a transaction that stood still for too long, shutdown or start.
 */
const awayStates = /^(08|53|57014|57P0|25006|25P03)/;
const awayCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EPIPE',
  'EAI_AGAIN',
  'ENOENT',
]);
/** What `pg` throws without a code: connections that end, and its own deadlines. */
const awayMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed)/;

/**
 * Whether an error means that Postgres is away or overloaded, so that the same work may succeed a little later.
 * Sources: PostgreSQL documentation, appendix A; the texts are those of pg 8 and pg-pool 3.
 */
export function isOutage(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isOutage);
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && (awayStates.test(code) || awayCodes.has(code))) return true;
  return awayMessages.test(error.message);
}

/** Rejects when Postgres does not answer. */
export async function ping(db: Queryable): Promise<void> {
  await db.rows(sql`select 1`);
}
