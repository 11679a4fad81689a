import { watchLease, type LeaseWatch } from '../core/lease.ts';
import type { Database } from '../db/database.ts';
import { readHeldLeases } from '../db/held-leases.ts';

const lookEveryMs = 1_000;

/**
 * Watches every lease that is held, all the while, so that who is to take over the lane of a worker that was killed
 * need not begin to watch when he is asked to: he may take it as soon as it has stood still for a lease's length.
 */
export class LeaseWatcher {
  readonly #db: Database;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  #watches: ReadonlyMap<string, LeaseWatch> = new Map();
  #looking: Promise<void> | null = null;

  /** @param now milliseconds on a clock that only rises; the clock of who asks `seen` */
  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
    this.#timer = setInterval(() => void this.look().catch(() => undefined), lookEveryMs);
  }

  /** What has been seen of a lane's lease, null when it was not held. */
  seen({ runId, lane }: { runId: string; lane: number }): LeaseWatch | null {
    return this.#watches.get(keyOf(runId, lane)) ?? null;
  }

  /** Looks now, or waits for the look that is under way. What was seen stays when Postgres does not answer. */
  async look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = null));
    await this.#looking;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking?.catch(() => undefined);
  }

  async #look(): Promise<void> {
    const held = await readHeldLeases(this.#db);
    const now = this.#now();
    this.#watches = new Map(
      held.map(({ runId, lane, renewals }) => {
        const key = keyOf(runId, lane);
        return [key, watchLease(this.#watches.get(key) ?? null, renewals, now).watch];
      }),
    );
  }
}

function keyOf(runId: string, lane: number): string {
  return `${runId}/${lane}`;
}
