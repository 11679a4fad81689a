import { setTimeout as pause } from 'node:timers/promises';
import { sql, type Queryable } from './sql.ts';

/**
 * SQLSTATE classes that say that Postgres cannot serve now: connection trouble, no resources, a transaction that was taken
 * back because it and another one stood in each other's way, a statement that was broken off (it took too long, or an
 * operator cancelled it), a transaction that stood still for too long, shutdown or start.
 */
const awayStates = /^(08|53|40001|40P01|57014|57P0|25006|25P03)/;
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
 * Whether an error means that Postgres is away, overloaded or took the work back, so that the same work may succeed a little later.
 * Sources: PostgreSQL documentation, appendix A; the texts are those of pg 8 and pg-pool 3.
 */
export function isOutage(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isOutage);
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && (awayStates.test(code) || awayCodes.has(code))) return true;
  return awayMessages.test(error.message);
}

/**
 * Asks again while Postgres is away.
 * @param waiting.now milliseconds on a clock that only rises @param waiting.forMs for how long
 * @param waiting.retryMs how long to pause after so long a wait @param waiting.signal aborted: no more
 * @throws what was thrown last, when that is no outage, it lasts too long or the signal is aborted
 */
export async function throughOutage<T>(
  ask: () => Promise<T>,
  waiting: {
    readonly now: () => number;
    readonly forMs: number;
    readonly retryMs: (sinceMs: number) => number;
    readonly signal: AbortSignal;
  },
): Promise<T> {
  const { now, forMs, retryMs, signal } = waiting;
  const since = now();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isOutage(error) || signal.aborted || now() >= since + forMs) throw error;
      await pause(retryMs(now() - since));
    }
  }
}

/** Rejects when Postgres does not answer. */
export async function ping(db: Queryable): Promise<void> {
  await db.rows(sql`select 1`);
}
