const spanMs = 5_000;

/** Events per second over the last few seconds. */
export class RateMeter {
  #samples: { at: number; count: number }[];

  constructor(now: number) {
    this.#samples = [{ at: now, count: 0 }];
  }

  /** @param count how many there have been in all @param now milliseconds on a clock that only rises */
  perSecond(count: number, now: number): number {
    const last = this.#samples.at(-1)!;
    if (now - last.at >= 200) this.#samples.push({ at: now, count });
    while (this.#samples.length > 2 && now - this.#samples[1]!.at >= spanMs) this.#samples.shift();
    const first = this.#samples[0]!;
    return now === first.at ? 0 : Math.round(((count - first.count) * 10_000) / (now - first.at)) / 10;
  }
}
