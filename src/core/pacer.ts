/** A stretch of time in which its holder alone may send, at the pace's full rate. Milliseconds on the holder's clock. */
export interface Allowance {
  readonly from: number;
  readonly until: number;
}

/** How long an allowance lasts; one event's time if that is longer. Milliseconds. */
export function allowanceMs(eventsPerSecond: number): number {
  return Math.max(250, 1_000 / eventsPerSecond);
}

/** How late sends may be and still be made up for; milliseconds. */
const catchUpMs = 50;

/**
 * Spaces sends over allowances at a rate: the n-th event of a stretch leaves n intervals after its start, unused time
 * is lost, so no border between stretches sees a burst.
 */
export class Pacer {
  #intervalMs: number;
  #allowances: Allowance[] = [];
  #nextAt = 0;

  constructor(eventsPerSecond: number) {
    this.#intervalMs = 1_000 / eventsPerSecond;
  }

  set eventsPerSecond(rate: number) {
    this.#intervalMs = 1_000 / rate;
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
    this.#nextAt = Math.max(at, now - Math.max(catchUpMs, this.#intervalMs)) + events * this.#intervalMs;
    return true;
  }

  /** When the next event may leave; null: a stretch must be fetched first. */
  leaveAt(now: number): number | null {
    while (this.#allowances[0] !== undefined && this.#allowances[0].until <= Math.max(now, this.#nextAt)) {
      this.#allowances.shift();
    }
    const current = this.#allowances[0];
    return current === undefined ? null : Math.max(current.from, this.#nextAt);
  }

  /** How many events may share one request: a tenth of a second's. */
  get batchLimit(): number {
    return Math.max(1, Math.floor(100 / this.#intervalMs));
  }
}
