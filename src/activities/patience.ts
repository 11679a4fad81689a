import { setTimeout as pause } from 'node:timers/promises';
import type { Copying } from '../db/copy-out.ts';
import { isOutage } from '../db/outage.ts';
import type { Queryable } from '../db/sql.ts';

/** For how long a slice waits for a Postgres that is away: a failover or a restart takes less. Milliseconds. */
export const patienceMs = 5 * 60_000;
export const retryMs = 200;

/** Who waits: how late it is, on a clock that only rises, and when he has to leave. */
export interface Waiting {
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/**
 * Asks again while Postgres is away, because with the slice all would be lost that it knows and could not write down:
 * it would be sent again.
 * @throws what was thrown last, when that is no outage, it lasts too long or the worker has to leave
 */
export async function throughOutage<T>(ask: () => Promise<T>, { now, signal }: Waiting): Promise<T> {
  const giveUpAt = now() + patienceMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isOutage(error) || signal.aborted || now() >= giveUpAt) throw error;
      await pause(retryMs);
    }
  }
}

/** The same for everything that is asked of a database, which must do no harm when it is done twice. */
export function patient(db: Queryable & Copying, waiting: Waiting): Queryable & Copying {
  return {
    rows: (statement) => throughOutage(() => db.rows(statement), waiting),
    run: (statement) => throughOutage(() => db.run(statement), waiting),
    copyOut: (statement, settings) => throughOutage(() => db.copyOut(statement, settings), waiting),
  };
}
