import {
  doubted,
  failedOne,
  failedWhole,
  isInDoubt,
  maySend,
  probeSent,
  probeUnsent,
  succeeded,
  type Health,
} from './health.ts';
import type { LaneEndings } from './lane-endings.ts';
import { noteFailure } from './lane-entry.ts';
import type { LaneOrder } from './lane-order.ts';
import type { Entry, LaneOptions, Task } from './lane-types.ts';
import type { Outcome } from './outcome.ts';
import { RetryQueue } from './retry-queue.ts';
import { ladderDelayMs, triesInSlice, tryForMs } from './retry.ts';

type OfOne = Outcome & { kind: 'refused' | 'failed' };
type OfAll = Outcome & { kind: 'down' | 'throttled' | 'gone' };

const accountClosed = {
  errorClass: 'account_closed',
  message: 'The destination asked another lane to slow down.',
};

/**
 * What a failed attempt means: for its delivery, for those that shared its request, and for the destination.
 *
 * A delivery that failed is one of
 *   retrying  it failed in a way that passes: ready again when its wait is over; after `triesInSlice` it is set aside
 *   suspect   it was refused: the next success shows that it is at fault (dead), a streak that the destination is (ready);
 *             where nothing comes that could show it, it is set aside in doubt (a stream) or taken for at fault
 *   ready     it shared its request with others, and goes again with half as many; or the destination is down
 * Invariant: while the destination is down nothing retries and nothing is suspected.
 *
 * One that fails in the same way again although the destination took what left in between is at fault itself, as is one
 * that fails after it was set aside: it says nothing about the destination any more. Else several such, side by side, would make a
 * streak each time that they are sent, and end neither themselves nor the lane. One that was set aside in doubt is in
 * doubt for as long as its streak lasts, slice after slice; when it is refused again after that, it is at fault.
 */
export class LaneFailures<E> {
  readonly #order: LaneOrder<E>;
  readonly #endings: LaneEndings<E>;
  readonly #random: () => number;
  readonly #isOwnRefusal: (errorClass: string) => boolean;
  readonly #retries = new RetryQueue<E>();
  readonly #suspects = new Set<Task<E>>();
  #health: Health;
  #gone = false;
  /** Requests that have left, and the last of them that was taken. */
  #requests = 0;
  #lastTaken = 0;

  constructor(
    options: Pick<LaneOptions, 'random' | 'isOwnRefusal'>,
    order: LaneOrder<E>,
    endings: LaneEndings<E>,
    health: Health,
  ) {
    this.#order = order;
    this.#endings = endings;
    this.#health = health;
    this.#random = options.random;
    this.#isOwnRefusal = options.isOwnRefusal ?? (() => false);
  }

  get health(): Health {
    return this.#health;
  }
  /** The destination answered that it wants no more events, ever. */
  get gone(): boolean {
    return this.#gone;
  }
  /** Deliveries that wait for their next try. */
  get retrying(): number {
    return this.#retries.size;
  }
  get firstRetryAt(): number | null {
    return this.#retries.firstAt;
  }
  /** Deliveries that wait for what shows who is at fault. */
  get suspects(): number {
    return this.#suspects.size;
  }

  maySend(now: number): 'yes' | 'probe' | 'no' {
    return this.#gone ? 'no' : maySend(this.#health, now);
  }

  /** A request has left. @param may whether it is a probe */
  sent(tasks: readonly Task<E>[], may: 'yes' | 'probe'): void {
    this.#requests++;
    for (const task of tasks) task.request = this.#requests;
    if (may === 'probe') this.#health = probeSent(this.#health);
  }

  /** What was to be sent did not reach the destination. */
  unsent(): void {
    this.#health = probeUnsent(this.#health);
  }

  /** The destination took an event: those that it refused before are at fault themselves. */
  succeed(task: Task<E>, now: number): void {
    this.#lastTaken = Math.max(this.#lastTaken, task.request);
    for (const one of doubted(this.#health)) this.#endings.callUp(one);
    this.#become(succeeded(this.#health, now));
    this.condemn(now);
  }

  #become(health: Health): void {
    if (this.#health.down !== null && health.down === null) this.#order.endTurns();
    this.#health = health;
  }

  /** The destination refused or failed one event. */
  failOne(task: Task<E>, outcome: OfOne, now: number): void {
    noteFailure(task, outcome.failure, now);
    const isKnown = this.#isKnown(outcome, now);
    const isUp = this.#health.down === null;
    const isShown = isUp && (isKnown || this.#failsAgain(task, outcome));
    task.atFault ||= isShown;
    task.failedAlone = { errorClass: outcome.failure.errorClass, requests: this.#requests };
    const saysNothing = isKnown || isShown || (outcome.kind === 'failed' && isUp && task.atFault);
    this.#hear(saysNothing ? null : outcome, task, now, () => {
      this.comeBack(task, now, () => {
        if (this.#health.down !== null) this.#order.putLast(task);
        else if (this.#order.hasOlder(task.entry)) this.#goAlone(task);
        else if (outcome.kind === 'failed') this.#tryAgain(task, now);
        else if (isShown) this.#endings.die(task, now);
        else this.#suspects.add(task);
      });
    });
  }

  /**
   * One answer refused or failed several events, so it blames none: they go again in requests of half the size, until
   * the one at fault stands alone. About the destination it says as much as one event does.
   */
  failTogether(tasks: readonly Task<E>[], outcome: OfOne, now: number): void {
    this.#hear(this.#isKnown(outcome, now) ? null : outcome, tasks[0]!, now, () => {
      for (const task of tasks) {
        noteFailure(task, outcome.failure, now);
        task.most = Math.ceil(tasks.length / 2);
        this.comeBack(task, now, () => {
          if (this.#health.down !== null) this.#order.putLast(task);
          else if (outcome.kind === 'refused' || this.#order.hasOlder(task.entry)) this.#order.putBack(task);
          else this.#retries.add(task, now + ladderDelayMs(1, this.#random()));
        });
      }
    });
  }

  /**
   * The answer named it while an older event of its user was not taken either: it follows that one by itself. Together
   * they would fail in the same way again, for ever where the destination takes all of a request or nothing.
   */
  #goAlone(task: Task<E>): void {
    task.most = 1;
    this.#order.putBack(task);
  }

  /** Whether it is a refusal that people have called the event's own: then the destination is there, as it answers. */
  #isKnown({ kind, failure }: OfOne, now: number): boolean {
    const isKnown = kind === 'refused' && this.#isOwnRefusal(failure.errorClass);
    if (isKnown && this.#health.down !== null) this.#become(succeeded(this.#health, now));
    return isKnown;
  }

  /** What left after a failure was taken, so it is no fault of the destination that the delivery fails so again. */
  #failsAgain({ failedAlone }: Task<E>, { failure }: OfOne): boolean {
    return failedAlone?.errorClass === failure.errorClass && failedAlone.requests < this.#lastTaken;
  }

  /** An answer that speaks for the whole account. */
  failAll(task: Task<E>, outcome: OfAll, now: number): void {
    task.failure = outcome.failure;
    this.comeBack(task, now, () => this.#order.putLast(task));
    if (outcome.kind === 'gone') this.#gone = true;
    else this.#hearOfAll(outcome, now);
  }

  /** What an answer that another lane was given says for all. */
  closed(forMs: number, now: number): void {
    this.#hearOfAll({ kind: 'throttled', failure: accountClosed, retryAfterMs: forMs }, now);
  }

  #hearOfAll(outcome: Exclude<OfAll, { kind: 'gone' }>, now: number): void {
    const wasDown = this.#health.down !== null;
    this.#health = failedWhole(this.#health, outcome, now, this.#random());
    if (!wasDown) this.#recall();
  }

  /** A delivery is unsettled. If an older event of its request was set aside meanwhile, it follows that one at once. */
  comeBack(task: Task<E>, now: number, otherwise: () => void): void {
    if (!this.#order.isHalted(task.entry)) return otherwise();
    this.#endings.standBehind(task.entry, [task], now);
    this.#order.release(task.entry);
  }

  /** Those whose wait is over are ready again. @param full an event that holds a full window back, set aside instead */
  wake(now: number, full: Entry<E> | undefined): void {
    if (full !== undefined) for (const task of this.#retries.takeOf(full)) this.#endings.setAside(task, now);
    for (const task of this.#retries.takeDue(now)) this.#order.putBack(task);
  }

  /** Who is suspected is at fault. While the destination is down nobody is. */
  condemn(now: number): void {
    for (const task of this.#takeSuspects()) this.#endings.die(task, now);
  }

  /**
   * Nothing comes for now that could show who is at fault. Who is suspected waits in the database, as what failed in a
   * way that passes does and as long at most; unless that would hold up what stands behind it, which could show it.
   */
  adjourn(now: number): void {
    for (const task of this.#takeSuspects()) {
      if (this.#order.hasBehind(task.entry)) this.#endings.die(task, now);
      else this.#endings.setAside(task, now);
    }
  }

  #takeSuspects(): Task<E>[] {
    if (this.#suspects.size === 0) return [];
    const suspects = [...this.#suspects];
    this.#suspects.clear();
    return suspects;
  }

  /** A delivery that was set aside is taken up. @param errorClass of its last failure, null: not known */
  takeUp(task: Task<E>, errorClass: string | null): void {
    if (errorClass === null || task.rounds === 0) return;
    const inDoubt = isInDoubt(this.#health, errorClass, task.entry.position);
    task.failedAlone = { errorClass, requests: inDoubt ? this.#requests : -1 };
  }

  /** An event has come to stand behind waiting ones of its user: if the first is in doubt, it is tried at once. */
  stoodBehind({ orderKey }: Entry<E>): void {
    for (const one of doubted(this.#health))
      if (this.#order.keyOf({ position: one.position, orderKey: one.user }) === orderKey)
        this.#endings.callUp(one);
  }

  /** @param outcome null: it says nothing about the destination @param then what becomes of its deliveries */
  #hear(outcome: OfOne | null, { entry }: Task<E>, now: number, then: () => void): void {
    if (outcome === null) return then();
    const wasDown = this.#health.down !== null;
    this.#become(
      failedOne(this.#health, {
        failure: outcome.failure,
        refused: outcome.kind === 'refused',
        position: entry.position,
        user: entry.user,
        inHand: this.#order.active(),
        now,
        random: this.#random(),
      }),
    );
    then();
    if (!wasDown && this.#health.down !== null) this.#recall();
  }

  #tryAgain(task: Task<E>, now: number): void {
    task.triedSince ??= now;
    if (++task.tries < triesInSlice && now - task.triedSince < tryForMs)
      this.#retries.add(task, now + ladderDelayMs(task.tries, this.#random()));
    else this.#endings.setAside(task, now);
  }

  /** While the destination is down nothing is given up: what waited for its next try just waits for the destination. */
  #recall(): void {
    const tasks = [...this.#suspects, ...this.#retries.takeAll()];
    this.#suspects.clear();
    for (const task of tasks) {
      task.tries = 0;
      task.triedSince = null;
      this.#order.putLast(task);
    }
  }
}
