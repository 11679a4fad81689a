/** Why something is not shown: there was more than the rate asked for, the reader is too slow, or it lies too far back. */
export const skipReasons = ['rate', 'slow_reader', 'too_far_behind'] as const;
export type SkipReason = (typeof skipReasons)[number];

/** A stretch of positions of which events are not shown. */
export interface Skipped {
  readonly reason: SkipReason;
  /** How many are left out; null: it is not known, as nobody has looked at them. */
  readonly events: number | null;
  readonly fromPosition: number;
  readonly toPosition: number;
}

/** What is shown: its text is made when it is taken in. */
export interface Shown {
  readonly position: number;
  readonly text: string;
}

type Entry = { readonly shown: Shown } | { skipped: Skipped; readonly since: number };

export interface QueueBounds {
  /** How many a second are shown at most. */
  readonly perSecond: number;
  readonly most: number;
  /** In UTF-16 units of the texts. */
  readonly mostText: number;
}

const windowMs = 1_000;

/**
 * What one reader has yet to get, in order. It is bounded: what has no place, or comes faster than the rate, is left out,
 * and an entry in its place says how many were.
 */
export class TailQueue {
  readonly #bounds: QueueBounds;
  readonly #entries: Entry[] = [];
  #text = 0;
  #window = { began: -Infinity, shown: 0 };

  constructor(bounds: QueueBounds) {
    this.#bounds = bounds;
  }

  /** @param now milliseconds of a clock that only goes forward */
  offer(position: number, text: () => string, now: number): void {
    if (now - this.#window.began >= windowMs) this.#window = { began: now, shown: 0 };
    const one = { events: 1, fromPosition: position, toPosition: position };
    if (this.#window.shown >= this.#bounds.perSecond) return this.skip({ reason: 'rate', ...one }, now);
    const { most, mostText } = this.#bounds;
    if (this.#entries.length >= most || this.#text >= mostText) {
      return this.skip({ reason: 'slow_reader', ...one }, now);
    }
    this.#window.shown += 1;
    const shown = { position, text: text() };
    this.#text += shown.text.length;
    this.#entries.push({ shown });
  }

  /** Leaves out what somebody else has decided to leave out. */
  skip(skipped: Skipped, now: number): void {
    const last = this.#entries.at(-1);
    if (last === undefined || !('skipped' in last)) {
      this.#entries.push({ skipped, since: now });
      return;
    }
    const { reason, events, fromPosition } = last.skipped;
    last.skipped = {
      // That the reader is too slow is what he can do something about.
      reason: reason === 'rate' ? skipped.reason : reason,
      events: events === null || skipped.events === null ? null : events + skipped.events,
      fromPosition,
      toPosition: skipped.toPosition,
    };
  }

  /** The next entry; null: there is none that is whole. An entry of what is left out grows for a second. */
  take(now: number): { readonly shown: Shown } | { readonly skipped: Skipped } | null {
    if (this.dueInMs(now) !== 0) return null;
    const entry = this.#entries.shift()!;
    if ('shown' in entry) this.#text -= entry.shown.text.length;
    return entry;
  }

  /** In how many milliseconds `take` has something; Infinity: not before something comes in. */
  dueInMs(now: number): number {
    const [first, second] = this.#entries;
    if (first === undefined) return Infinity;
    if ('shown' in first || second !== undefined) return 0;
    return Math.max(0, first.since + windowMs - now);
  }

  /** Whether everything that came in was taken. */
  get empty(): boolean {
    return this.#entries.length === 0;
  }
}
