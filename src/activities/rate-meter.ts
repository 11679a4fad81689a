const spanMs = 5_000;

/** Events per second over the last few seconds. */
export class RateMeter {
  readonly #again: number;
  #samples: { at: number; count: number }[];

  /** @param again how many of those to come were counted by somebody before: they are no progress */
  constructor(now: number, again: number) {
    this.#again = again;
    this.#samples = [{ at: now, count: 0 }];
  }

  /** @param all how many there have been since the beginning @param now milliseconds on a clock that only rises */
  perSecond(all: number, now: number): number {
    const count = Math.max(0, all - this.#again);
    const last = this.#samples.at(-1)!;
    if (now - last.at >= 200) this.#samples.push({ at: now, count });
    while (this.#samples.length > 2 && now - this.#samples[1]!.at >= spanMs) this.#samples.shift();
    const first = this.#samples[0]!;
    return now === first.at ? 0 : Math.round(((count - first.count) * 10_000) / (now - first.at)) / 10;
  }
}
