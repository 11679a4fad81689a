import { allowanceMs, Pacer } from '../core/pacer.ts';
import { takeAllowance } from '../db/budget.ts';
import type { Queryable } from '../db/sql.ts';

/** The pace of a run as one of its lanes keeps it: stretches of a row that all lanes share, fetched ahead. */
export class LanePace {
  readonly #db: Queryable;
  readonly #scope: string;
  readonly #lanes: number;
  #rate: number | null = null;
  #pacer: Pacer | null = null;
  #fetching = false;

  /** @param lanes how many lanes of the run share its pace */
  constructor(db: Queryable, runId: string, lanes: number) {
    this.#db = db;
    this.#scope = `run/${runId}`;
    this.#lanes = lanes;
  }

  /** @param eventsPerSecond null: no limit */
  set(eventsPerSecond: number | null): void {
    if (eventsPerSecond === this.#rate) return;
    this.#rate = eventsPerSecond;
    if (eventsPerSecond === null) this.#pacer = null;
    else if (this.#pacer === null) this.#pacer = new Pacer(eventsPerSecond);
    else this.#pacer.eventsPerSecond = eventsPerSecond;
  }

  /** How many events a request that leaves now may carry. */
  room(now: number): number {
    return this.#pacer?.room(now) ?? Number.POSITIVE_INFINITY;
  }

  /** When the next event may leave: now or before, later, or null when a stretch must be fetched first. */
  leaveAt(now: number): number | null {
    return this.#pacer === null ? now : this.#pacer.leaveAt(now);
  }

  take(events: number, now: number): void {
    this.#pacer?.take(events, now);
  }

  /** Fetches the next stretch if it is time. Resolves to whether one came. */
  async fetch(now: () => number): Promise<boolean> {
    const pacer = this.#pacer;
    if (this.#fetching || pacer === null || this.#rate === null || !pacer.wantsMore(now())) return false;
    this.#fetching = true;
    try {
      const length = allowanceMs(this.#rate);
      const { startsInMs, lengthMs } = await takeAllowance(this.#db, this.#scope, length, this.#lanes);
      const from = now() + startsInMs;
      pacer.add({ from, until: from + lengthMs });
      return true;
    } finally {
      this.#fetching = false;
    }
  }
}
