/** How far two clocks may drift apart; the slewing of NTP is the worst of it. */
const driftPerMs = 0.000_5;

/**
 * Where another clock stands against ours, from readings of it that were made between two of ours: the offset lies in
 * every such interval. An interval that misses what is known shows that one of the clocks has jumped.
 */
export class ClockOffset {
  #low = Number.NEGATIVE_INFINITY;
  #high = Number.POSITIVE_INFINITY;
  #notedAt = 0;

  /** @param there the other clock's reading @param before ours before it was made @param after ours once it is known */
  note(there: number, before: number, after: number): void {
    const drift = Math.max(0, after - this.#notedAt) * driftPerMs;
    const low = Math.max(this.#low - drift, there - after);
    const high = Math.min(this.#high + drift, there - before);
    const jumped = low > high;
    this.#low = jumped ? there - after : low;
    this.#high = jumped ? there - before : high;
    this.#notedAt = after;
  }

  /** A moment of the other clock on ours. */
  here(there: number): number {
    return there - (this.#low + this.#high) / 2;
  }
}
