import type { Copying } from '../db/copy-out.ts';
import { isOutage, throughOutage } from '../db/outage.ts';
import type { Queryable } from '../db/sql.ts';

/**
 * For how long a slice waits for a Postgres that is away: most failovers and restarts take less. No longer, because a
 * worker that has lost only its own way there keeps its lane from the others meanwhile. Milliseconds.
 */
export const patienceMs = 2 * 60_000;

/** How long to wait before asking again: many ask, and one that is starting has more to do. @param sinceMs of waiting */
export function retryMs(sinceMs: number): number {
  return sinceMs < 5_000 ? 200 : 1_000;
}

/** Who waits: how late it is, on a clock that only rises, and when he has to leave. */
export interface Waiting {
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/**
 * Asks again while Postgres is away, because with the slice all would be lost that it knows and could not write down:
 * it would be sent again.
 * @throws as `throughOutage` does
 */
export async function patiently<T>(ask: () => Promise<T>, waiting: Waiting): Promise<T> {
  return await throughOutage(ask, { ...waiting, forMs: patienceMs, retryMs });
}

/** What comes by itself, a little later, if Postgres is away now. @param none what stands for it @throws all else */
export async function unlessOutage<T, None>(ask: Promise<T>, none: None): Promise<T | None> {
  try {
    return await ask;
  } catch (error) {
    if (isOutage(error)) return none;
    throw error;
  }
}

/** The same for everything that is asked of a database, which must do no harm when it is done twice. */
export function patient(db: Queryable & Copying, waiting: Waiting): Queryable & Copying {
  return {
    rows: (statement) => patiently(() => db.rows(statement), waiting),
    run: (statement) => patiently(() => db.run(statement), waiting),
    copyOut: (statement, settings) => patiently(() => db.copyOut(statement, settings), waiting),
  };
}
