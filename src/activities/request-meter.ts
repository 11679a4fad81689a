const slots = 10;
const slotMs = 100;

/** Requests within the last second. */
export class RequestMeter {
  readonly #counts = new Float64Array(slots);
  #slot = 0;

  /** @param now milliseconds on a clock that only rises */
  note(now: number): void {
    this.#moveTo(now);
    this.#counts[this.#slot % slots]! += 1;
  }

  perSecond(now: number): number {
    this.#moveTo(now);
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  #moveTo(now: number): void {
    const slot = Math.floor(now / slotMs);
    for (let next = Math.max(this.#slot + 1, slot - slots + 1); next <= slot; next++)
      this.#counts[next % slots] = 0;
    this.#slot = Math.max(this.#slot, slot);
  }
}
