import type { Outcome } from '../../../src/core/outcome.ts';
import type { Held } from './database.ts';
import type { SimEvent } from './scenario.ts';

const longestRetryAfterMs = 60 * 60_000;
/** The shortest wait before a probe: half a second less its jitter. */
const shortestWaitMs = 400;
/** Half a second doubled by each failed probe: as many take the wait to its longest, half a minute. */
const probesToLongestWait = 6;

interface Streak {
  readonly events: ReadonlySet<number>;
  readonly users: ReadonlySet<string>;
}

/** Failures of one kind without a success between them, by their class. */
export type Streaks = ReadonlyMap<string, Streak>;

/** What the answers so far say about the destination: a second reading of the rule, made to be compared. */
export class Outlook {
  isDown = false;
  #refusedAlone = false;
  #streaks: Streaks = new Map();
  #closedUntil = 0;
  #notBefore = 0;
  #probing = false;
  #probesFailed = 0;
  /** Who resumed the run has said that these are refused for themselves. */
  #resumedFor: readonly string[] = [];

  /** What the lane's row says to who takes it. @param last.streaks as they were when the last commit was made */
  static of(
    { held, brakesReleased }: { held: Held | null; brakesReleased: readonly string[] },
    last: { readonly closedForMs: number; readonly streaks: Streaks },
    now: number,
  ): Outlook {
    const { closedForMs, streaks } = last;
    const next = new Outlook();
    next.#streaks = streaks;
    next.#resumedFor = brakesReleased.map((reason) => reason.replace('destination_refuses: ', ''));
    if (held === null) return next;
    next.isDown = true;
    next.#closedUntil = now + closedForMs;
    next.#notBefore = now + shortestWaitMs;
    next.#refusedAlone = held.reason === 'destination_refuses';
    next.#probesFailed = Math.round(Math.log2(Math.min(32_000, held.waitMs) / 500));
    return next;
  }

  get streaks(): Streaks {
    return this.#streaks;
  }

  /** Whether nothing has been taken since an event was refused so. */
  isInDoubt(errorClass: string, position: number): boolean {
    return this.isDown || this.#streaks.get(errorClass)?.events.has(position) === true;
  }

  /** Until when the destination wants no request. */
  get closedUntil(): number {
    return this.#closedUntil;
  }

  /** Why a request may not leave now, null when it may. */
  faultOfSending(deliveries: number, inFlight: number, now: number): string | null {
    // Clocks that differ by a million round differently.
    if (now < this.#closedUntil - 0.001) return 'sent before Retry-After was over';
    if (!this.isDown) return null;
    if (inFlight > 0) return 'sent beside a probe';
    if (deliveries > 1) return 'probed with more than one delivery';
    if (now < this.#notBefore) return 'probed without a wait';
    this.#probing = true;
    return null;
  }

  /** Whether it is a refusal that a person has seen and takes for the event's own. */
  isForeseen(outcome: Outcome): boolean {
    return outcome.kind === 'refused' && this.#resumedFor.includes(outcome.failure.errorClass);
  }

  /** @param hand.isFew whether all that could be probed with would make no streak */
  hears(outcome: Outcome, event: SimEvent, now: number, hand: { readonly isFew: boolean }): void {
    switch (outcome.kind) {
      case 'delivered':
      case 'unconfirmable':
        this.#streaks = new Map();
        this.#answers(now);
        break;
      case 'refused':
      case 'failed':
        if (this.isForeseen(outcome)) this.#answers(now);
        else if (this.isDown && !this.#isOutlasted(outcome.kind === 'refused', hand)) this.#goesOn(now);
        else this.#adds(outcome.failure.errorClass, event, outcome.kind === 'refused', now);
        break;
      case 'down':
      case 'throttled':
        if (this.isDown) {
          if (this.#probing) this.#refusedAlone = false;
          this.#goesOn(now);
        } else this.#falls(now, false, this.#streaks);
        if (outcome.kind === 'throttled' && outcome.retryAfterMs !== null) {
          const until = now + Math.min(longestRetryAfterMs, outcome.retryAfterMs);
          this.#closedUntil = Math.max(this.#closedUntil, until);
          if (until > now) this.#refusedAlone = false;
        }
        break;
      default:
        this.#probing = false;
    }
  }

  /** What was on its way when a Retry-After came does not open the window that it closed. */
  #answers(now: number): void {
    if (now >= this.#closedUntil) this.isDown = false;
    this.#probing = false;
  }

  /**
   * An outage that half a minute's waits have seen is over when what is left of it is a refusal and it did not begin
   * with such, or a failure of the few that are left.
   */
  #isOutlasted(refused: boolean, hand: { readonly isFew: boolean }): boolean {
    if (!this.#probing || this.#probesFailed < probesToLongestWait) return false;
    return refused ? !this.#refusedAlone : hand.isFew;
  }

  #adds(errorClass: string, event: SimEvent, refused: boolean, now: number): void {
    this.isDown = false;
    this.#probing = false;
    const others = new Map(this.#streaks);
    const before = others.get(errorClass);
    others.delete(errorClass);
    const events = new Set(before?.events).add(event.position);
    const users = new Set(before?.users).add(event.user);
    if (events.size >= 5 && users.size >= 2) this.#falls(now, refused, others);
    else this.#streaks = new Map(others).set(errorClass, { events, users });
  }

  /** @param streaks that go on once it answers again */
  #falls(now: number, refused: boolean, streaks: Streaks): void {
    this.isDown = true;
    this.#streaks = streaks;
    this.#probesFailed = 0;
    this.#refusedAlone = refused;
    this.#notBefore = now + shortestWaitMs;
  }

  /** The answer to a probe makes the next one wait; answers to what left before it fell say nothing new. */
  #goesOn(now: number): void {
    if (this.#probing) {
      this.#notBefore = now + shortestWaitMs;
      this.#probesFailed++;
    }
    this.#probing = false;
  }
}
