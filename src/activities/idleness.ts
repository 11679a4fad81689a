/** A stream is near the head of the archive when a page reaches it; positions. */
export const nearHead = 20_000;

/** Since when a stream has had nothing to send, although the head of the archive may move on all the while. */
export class Idleness {
  #settled = 0;
  #since: number | null = null;

  /**
   * Whether nothing has been on its way and nothing has been settled for so long; asked again and again.
   * @param ms for how long @param now milliseconds on a clock that only rises
   */
  lasts(ms: number, now: number, { settled, busy }: { settled: number; busy: boolean }): boolean {
    if (busy || settled !== this.#settled) this.#since = null;
    this.#settled = settled;
    if (busy) return false;
    this.#since ??= now;
    return now - this.#since >= ms;
  }
}
