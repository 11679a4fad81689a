/** What a slice that stops before it is done asks for: to be followed by another, or by nothing before a wish. */
export type StopKind = 'more' | 'stopped';

/** What has been under way for so long is slow; milliseconds. */
const slowMs = 1_000;
/** For how long beyond its time a slice waits for a moment in which nothing slow is under way; milliseconds. */
const patienceMs = 30_000;

/**
 * How a slice comes to stop. It goes on; then it closes: nothing leaves any more, and what is under way ends by itself;
 * or it is hurried, as somebody waits for it: what is under way after the drain is cut off, and may come twice.
 *
 * Its own time alone never hurries it, since nobody waits then. It closes once nothing slow is under way, because while it
 * is closed all users wait for the slowest answer.
 *
 * All times are milliseconds on one clock that only rises.
 */
export class SliceStop {
  readonly #endsAt: number;
  #kind: StopKind | null = null;
  #hurriedAt: number | null = null;

  /** @param endsAt when its own time is over */
  constructor(endsAt: number) {
    this.#endsAt = endsAt;
  }

  /** Null as long as it goes on. */
  get kind(): StopKind | null {
    return this.#kind;
  }

  /**
   * Whether something may leave. Asked before anything does, it closes at the very moment at which nothing slow is under
   * way. @param oldest since when the oldest request has been under way, null: none is
   */
  goesOn(now: number, oldest: number | null): boolean {
    if (this.#kind !== null || now < this.#endsAt) return this.#kind === null;
    const isSlow = oldest !== null && now - oldest >= slowMs;
    if (!isSlow || now >= this.#endsAt + patienceMs) this.#kind = 'more';
    return this.#kind === null;
  }

  /** Somebody waits for it. Why it stopped at first stays the reason. @returns whether that is news */
  hurry(kind: StopKind, now: number): boolean {
    if (this.#hurriedAt !== null) return false;
    this.#kind ??= kind;
    this.#hurriedAt = now;
    return true;
  }

  /**
   * How it ends now, null: it does not yet.
   * @param drainMs how long what is under way may take to end by itself when it is hurried
   */
  end(now: number, isSending: boolean, drainMs: number): StopKind | null {
    const cuts = this.#hurriedAt !== null && now - this.#hurriedAt >= drainMs;
    return !isSending || cuts ? this.#kind : null;
  }
}
