/** A stretch of time in which its holder alone may send, at the pace's full rate. Milliseconds on the holder's clock. */
export interface Allowance {
  readonly from: number;
  readonly until: number;
}

/**
 * How long an allowance lasts: about a quarter of a second, and always the time of whole events, so that several
 * holders in turn send no more than one alone would. Milliseconds.
 */
export function allowanceMs(eventsPerSecond: number): number {
  return (1_000 * Math.ceil(eventsPerSecond / 4)) / eventsPerSecond;
}

/** Sums of intervals miss the end of a stretch by less than this; milliseconds. */
const roundingMs = 0.01;

/** How late sends may be and still be made up for; milliseconds. */
const catchUpMs = 50;

/**
 * Spaces sends over allowances at a rate: the n-th event of a stretch leaves n intervals after its start, unused time
 * is lost, so no border between stretches sees a burst.
 */
export class Pacer {
  #intervalMs: number;
  #allowances: Allowance[] = [];
  /** The last request: when it took its room, and for how many events. */
  #last = { at: 0, events: 0 };

  constructor(eventsPerSecond: number) {
    this.#intervalMs = 1_000 / eventsPerSecond;
  }

  /** Stretches that were fetched for another rate are given up: those of a slow one are long. */
  set eventsPerSecond(rate: number) {
    this.#intervalMs = 1_000 / rate;
    this.#allowances = [];
  }

  get #nextAt(): number {
    return this.#last.at + this.#last.events * this.#intervalMs;
  }

  /** Adds a stretch; it must not begin before the last one ends. */
  add(allowance: Allowance): void {
    this.#allowances.push(allowance);
  }

  /** Whether another stretch should be fetched now, so that it is there before the last one is used up. */
  wantsMore(now: number): boolean {
    const last = this.#allowances.at(-1);
    return last === undefined || last.until - now < 150;
  }

  /** Takes room for some events. @returns whether they may leave now */
  take(events: number, now: number): boolean {
    const at = this.leaveAt(now);
    if (at === null || at > now) return false;
    // A timer that fires late must not slow the pace, yet what is caught up stays within a twentieth of a second.
    this.#last = { at: Math.max(at, now - Math.max(catchUpMs, this.#intervalMs)), events };
    return true;
  }

  /** When the next event may leave; null: a stretch must be fetched first. */
  leaveAt(now: number): number | null {
    const over = (stretch: Allowance) => stretch.until <= Math.max(now, this.#nextAt + roundingMs);
    while (this.#allowances[0] !== undefined && over(this.#allowances[0])) this.#allowances.shift();
    const current = this.#allowances[0];
    return current === undefined ? null : Math.max(current.from, this.#nextAt);
  }

  /** How many events may share one request: a tenth of a second's. */
  get batchLimit(): number {
    return Math.max(1, Math.floor(100 / this.#intervalMs));
  }

  /** How many may share one that leaves now: what is left of the stretch is less, perhaps, and the next is another's. */
  room(now: number): number {
    const at = this.leaveAt(now);
    const current = this.#allowances[0];
    if (at === null || current === undefined) return 0;
    return Math.min(this.batchLimit, Math.ceil((current.until - at - roundingMs) / this.#intervalMs));
  }
}
