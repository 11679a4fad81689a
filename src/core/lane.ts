import type { LaneStanding } from './canary.ts';
import { healthy, type Health } from './health.ts';
import { LaneBooks } from './lane-books.ts';
import { LaneEndings } from './lane-endings.ts';
import { dueEntryOf, entryOf, newTask, noteReason } from './lane-entry.ts';
import { LaneFailures } from './lane-failures.ts';
import { LaneOrder } from './lane-order.ts';
import {
  windowLimit,
  type Due,
  type LaneCommit,
  type LaneOptions,
  type Offered,
  type Task,
} from './lane-types.ts';
import type { Outcome } from './outcome.ts';
import { maxBehind } from './retry.ts';

/** Of how many events the next probe is chosen, at least, when the destination refuses them. */
const fewestProbes = 16;

/**
 * The decisions of one lane: what is sent next, what an outcome means, how far the mark goes. Times are milliseconds.
 *
 * A delivery is open -> (ready -> in flight -> ready again, retrying, suspect) -> settled or set aside. A ready one may
 * leave as soon as the destination's health and the caller's pace allow; LaneFailures has the other two. An event is closed when none of its deliveries is open; its user's next event starts then.
 */
export class Lane<E> {
  readonly #options: LaneOptions;
  readonly #books: LaneBooks<E>;
  readonly #order: LaneOrder<E>;
  readonly #endings: LaneEndings<E>;
  readonly #failures: LaneFailures<E>;
  #inFlight = 0;
  #probed = false;
  #taken = 0;
  /** The last commit taken was not behind. */
  #caughtUp = false;

  constructor(options: LaneOptions, health: Health = healthy) {
    this.#options = options;
    this.#books = new LaneBooks(options, options.samples);
    this.#order = new LaneOrder(options.orderBy, options.actions, options.waitingByKey);
    this.#endings = new LaneEndings(this.#books, this.#order, options.random);
    this.#failures = new LaneFailures(options, this.#order, this.#endings, health);
    for (const [orderKey, rows] of options.waitingByKey) if (rows > maxBehind) this.#books.hurry(orderKey);
  }

  get health(): Health {
    return this.#failures.health;
  }
  /** Deliveries handed out whose outcome is not known yet. */
  get inFlight(): number {
    return this.#inFlight;
  }
  get scannedTo(): number {
    return this.#books.scannedTo;
  }
  /** What the last holder had read is not read again yet. Nothing is sent meanwhile: it could not be told. */
  get isBehind(): boolean {
    return this.#books.isBehind;
  }
  get settled(): number {
    return this.#books.settled;
  }
  get standing(): LaneStanding {
    return this.#books.standing;
  }
  /** Deliveries that the destination took since the lane was opened. */
  get taken(): number {
    return this.#taken;
  }
  /** The destination answered that it wants no more events, ever. */
  get gone(): boolean {
    return this.#failures.gone;
  }
  /** Deliveries read but neither settled nor set aside. */
  get open(): number {
    return this.#order.unsent + this.#inFlight + this.#failures.retrying + this.#failures.suspects;
  }
  get hasWaiting(): boolean {
    return this.#order.hasWaiting;
  }
  /**
   * Events from waiting rows that are not closed, or whose end no commit has taken along yet: their rows may still lie
   * there. More rows may be read once there are none and the last commit taken is written.
   */
  get dueOpen(): number {
    return this.#order.dueOpen + this.#endings.dueUnwritten;
  }
  /** Waiting rows may be read: all that is about events in hand has been written, by the last commit taken at the latest. */
  get mayTakeUp(): boolean {
    return this.hasWaiting && this.dueOpen === 0 && this.#caughtUp;
  }
  wantsMore(unsentLimit: number): boolean {
    if (this.isBehind) return true; // the last holder had room for it
    // In strict order all of the lane stands behind one event: reading on would only make rows of it.
    const crowded = this.#options.orderBy === 'strict' && this.#order.waitingOf('*') > maxBehind;
    const full = this.#order.unsent >= unsentLimit && !this.#lacksProbes;
    return !full && this.#books.windowSize < this.#limit && !crowded;
  }

  /** Takes a page of the archive, in the order of positions. @param scannedTo where the page ends */
  offer(events: readonly Offered<E>[], scannedTo: number): void {
    for (const offered of events) {
      const entry = entryOf(offered, this.#order.keyOf(offered));
      for (const actionId of offered.have) this.#books.set(actionId, entry.position);
      const tasks = offered.deliver.map((actionId) => newTask(entry, actionId));
      this.#books.enter(entry);
      if (entry.open === 0) this.#books.closed(entry);
      else if (this.#order.isBlocked(entry.orderKey)) {
        this.#endings.standBehind(entry, tasks, 0);
        this.#failures.stoodBehind(entry);
      } else this.#order.add(entry, tasks);
    }
    this.#books.scanned(scannedTo);
  }

  /**
   * Takes up deliveries that waited, lowest position first within an order key. Those of events that have not been read
   * yet are left for later, because what is known of them, and counted, is read with them.
   */
  offerDue(list: readonly Due<E>[], now: number): void {
    for (const due of list) {
      if (due.position > this.#books.scannedTo) continue;
      const { entry, tasks } = dueEntryOf(due, now);
      for (const [at, task] of tasks.entries()) this.#failures.takeUp(task, due.deliveries[at]!.errorClass);
      this.#order.add(entry, tasks);
    }
  }

  /** The deliveries of the next request, empty when nothing may leave now. @param limit how many it may carry */
  next(now: number, limit = this.#options.batchSize): readonly Task<E>[] {
    if (this.isBehind) return [];
    this.#wake(now);
    const may = this.#failures.maySend(now);
    if (may === 'no' || (may === 'probe' && this.#inFlight > 0)) return [];
    const batch = may === 'probe' ? this.#takeProbe() : this.#order.take(limit);
    if (batch.length > 0) this.#failures.sent(batch, may);
    this.#inFlight += batch.length;
    return batch;
  }

  /** How many deliveries could leave now if only the budget allowed it. */
  ready(now: number): number {
    if (this.isBehind) return 0;
    this.#wake(now);
    const may = this.#failures.maySend(now);
    if (may === 'probe') return this.#inFlight > 0 ? 0 : Math.min(1, this.#order.ready);
    return may === 'no' ? 0 : this.#order.ready;
  }

  /** Another lane was told that the account takes nothing for a while: this one holds as if it had been told so. */
  close(forMs: number, now: number): void {
    if (this.health.down === null) this.#failures.closed(forMs, now);
  }

  /** When `next` may have something although nothing else happens; null: not by time alone. */
  wakeAt(): number | null {
    const retry = this.#failures.firstRetryAt;
    const { down } = this.#failures.health;
    const probe = down !== null && !down.probing && this.#order.ready > 0 ? down.probeAt : null;
    if (retry === null || probe === null) return retry ?? probe;
    return down === null ? Math.min(retry, probe) : probe;
  }

  /** Takes in how a request ended: an outcome for each of its deliveries, in order. */
  settleRequest(tasks: readonly Task<E>[], outcomes: readonly Outcome[], now: number): void {
    const [first] = outcomes;
    if (first !== undefined && 'together' in first) {
      this.#inFlight -= tasks.length;
      return this.#failures.failTogether(tasks, first, now);
    }
    for (const [index, task] of tasks.entries()) this.settle(task, outcomes[index]!, now);
  }

  /** Takes in how one delivery's attempt ended. */
  settle(task: Task<E>, outcome: Outcome, now: number): void {
    this.#inFlight--;
    switch (outcome.kind) {
      case 'delivered':
      case 'unconfirmable':
        this.#failures.succeed(task, now);
        this.#taken++;
        this.#books.set(task.actionId, task.entry.position);
        if ('answer' in outcome) this.#books.answered(task.entry.position, outcome.answer, outcome.tellsOf);
        return this.#endings.finish(task, outcome.kind, now);
      case 'invalid':
        this.#books.invalid(task.entry.position, outcome.failure);
        this.#unsend();
        return this.#endings.finish(task, 'invalid', now);
      case 'suppressed':
        this.#unsend();
        return this.#endings.finish(task, 'suppressed', now);
      case 'superseded':
        this.#unsend();
        return this.#endings.finish(task, 'superseded', now);
      case 'tooOld':
        this.#unsend();
        noteReason(task.entry, outcome.reason);
        return this.#endings.finish(task, 'tooOld', now);
      case 'refused':
      case 'failed':
        return this.#failures.failOne(task, outcome, now);
      case 'down':
      case 'throttled':
      case 'gone':
        return this.#failures.failAll(task, outcome, now);
      case 'notSent':
        this.#unsend();
        return this.#failures.comeBack(task, now, () => this.#order.putBack(task));
    }
  }

  /**
   * Nothing is left that could show who is at fault, or all the lane may read stands behind the suspects. Of a run with
   * an end a few refused events are so themselves; on a stream something may come yet, and they wait for it.
   */
  judgeSuspects(now: number, run: 'bounded' | 'endless'): void {
    if (this.health.down !== null || this.#inFlight > 0) return;
    if (this.#order.ready > 0 || this.#failures.retrying > 0) return;
    if (run === 'bounded') this.#failures.condemn(now);
    else this.#failures.adjourn(now);
  }

  /** All that changed since the last commit. */
  takeCommit(): LaneCommit {
    this.#caughtUp = !this.isBehind;
    this.#endings.written();
    return this.#books.take();
  }

  /** So few could be probed with that all of them may be at fault themselves: what they hold back shows nothing. */
  get #lacksProbes(): boolean {
    return this.health.down?.reason === 'destination_refuses' && this.#order.ready < fewestProbes;
  }

  get #limit(): number {
    return this.#options.windowLimit ?? windowLimit;
  }

  #wake(now: number): void {
    this.#failures.wake(now, this.#books.windowSize >= this.#limit ? this.#books.oldest : undefined);
  }

  /** The first may be any; the next ones follow in turn, as each goes to the end when it comes back. */
  #takeProbe(): Task<E>[] {
    if (this.#probed) return this.#order.take(1);
    this.#probed = true;
    return this.#order.takeAny(this.#options.random());
  }

  /** Nothing left this process: if it was to be a probe, any other may be the next one. */
  #unsend(): void {
    this.#failures.unsent();
    this.#probed = false;
  }
}
