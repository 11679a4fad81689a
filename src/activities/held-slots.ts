import type { Down } from '../core/health.ts';

type Kind = 'stream' | 'replay';

/** A wait longer than this gives the slot back. */
const longWaitMs = 5_000;
/** A wait up to here is over before another slice could have begun. */
const shortWaitMs = 2_000;

/**
 * A slice whose destination is down keeps its slot while the waits between probes are short: a slice for each probe would
 * cost more. Only so many of a process do, so that destinations that are down never take the slots of all others.
 *
 * within: the destination is up, or the wait short -> keeping: one of the kept slots is its own, until the destination is
 * up or the slice is over; or -> away: the slice ends, and the next one begins when the wait is over.
 */
export class HeldSlots {
  readonly #free: Record<Kind, number>;

  /** @param most of the process' slots that may be kept, by the kind of run */
  constructor(most: Readonly<Record<Kind, number>>) {
    this.#free = { ...most };
  }

  /** The slot of one slice. */
  of(kind: Kind): HeldSlot {
    return new HeldSlot(this.#free, kind);
  }
}

class HeldSlot {
  readonly #free: Record<Kind, number>;
  readonly #kind: Kind;
  #kept = false;

  constructor(free: Record<Kind, number>, kind: Kind) {
    this.#free = free;
    this.#kind = kind;
  }

  /** For how long the slice is to be away; milliseconds, null: it stays. @param now on the lane's clock */
  awayFor(down: Down | null, now: number): number | null {
    if (down === null) this.release();
    const waitMs = down === null ? 0 : down.probeAt - now;
    if (waitMs <= shortWaitMs) return null;
    if (waitMs <= longWaitMs && this.#keep()) return null;
    // The short waits are those of slices that stay; without a slot they would make a slice every few seconds.
    return Math.max(waitMs, down!.waitMs);
  }

  /** The slice is over, or its destination is up. */
  release(): void {
    if (this.#kept) this.#free[this.#kind]++;
    this.#kept = false;
  }

  #keep(): boolean {
    if (!this.#kept && this.#free[this.#kind] > 0) {
      this.#free[this.#kind]--;
      this.#kept = true;
    }
    return this.#kept;
  }
}
