import type { Database } from '../../db/database.ts';
import { takeOfRate } from '../../db/source-rate.ts';
import type { KeyedSource } from '../../db/write-keys.ts';

/** How much of its rate a process takes at once, so that not every request asks Postgres; seconds. */
const blockSeconds = 0.25;
const asksAgainMs = 1_000;

interface Allowance {
  /** Events of a block that was taken. */
  left: number;
  /** Nothing is taken before, by `performance.now()`. */
  closedUntil: number;
  /** Nor is Postgres asked before; a limit may be raised while it is closed. */
  asksAt: number;
  /** Requests of a source ask one after another. */
  asking: Promise<unknown>;
}

export interface RateLimit {
  /** Takes a request's events of its source's rate. @returns 0, or how long the client must wait; milliseconds */
  take(source: KeyedSource, events: number): number | Promise<number>;
}

/**
 * Keeps the rates of sources that have a limit, over all processes: each takes a block of events from Postgres and
 * spends it by itself.
 */
export function openRateLimit(db: Database): RateLimit {
  const allowances = new Map<string, Allowance>();
  const ask = async (allowance: Allowance, source: KeyedSource, rate: number, events: number) => {
    if (allowance.left >= events) return spend(allowance, events);
    const now = performance.now();
    if (now < allowance.asksAt) return allowance.closedUntil - now;
    const block = Math.max(events - allowance.left, Math.ceil(rate * blockSeconds));
    const waitMs = await takeOfRate(db, source.sourceId, block);
    if (waitMs > 0) {
      allowance.closedUntil = now + waitMs;
      allowance.asksAt = now + Math.min(waitMs, asksAgainMs);
      return waitMs;
    }
    allowance.left += block;
    return spend(allowance, events);
  };
  return {
    take: (source, events) => {
      const rate = source.eventsPerSecond;
      if (rate === null) {
        allowances.delete(source.sourceId);
        return 0;
      }
      let allowance = allowances.get(source.sourceId);
      if (allowance === undefined) {
        allowance = { left: 0, closedUntil: 0, asksAt: 0, asking: Promise.resolve() };
        allowances.set(source.sourceId, allowance);
      }
      const own = allowance;
      const asked = own.asking.then(() => ask(own, source, rate, events));
      own.asking = asked.catch(() => undefined);
      return asked;
    },
  };
}

function spend(allowance: Allowance, events: number): 0 {
  allowance.left -= events;
  return 0;
}
