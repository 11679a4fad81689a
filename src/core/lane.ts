import {
  failedOne,
  failedWhole,
  healthy,
  maySend,
  probeSent,
  probeUnsent,
  succeeded,
  type Health,
} from './health.ts';
import { LaneBooks } from './lane-books.ts';
import { LaneEndings } from './lane-endings.ts';
import { dueEntryOf, entryOf, newTask, noteFailure } from './lane-entry.ts';
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
import { RetryQueue } from './retry-queue.ts';
import { ladderDelayMs, triesInSlice, tryForMs } from './retry.ts';

/**
 * The decisions of one lane: what is sent next, what an outcome means, how far the mark goes. Times are milliseconds.
 *
 * A delivery is open -> (ready -> in flight -> ready again, retrying, suspect) -> settled or set aside.
 *   ready     may leave as soon as the destination's health and the caller's pace allow
 *   retrying  failed in a way that passes; ready again when its wait is over; after `triesInSlice` it is set aside
 *   suspect   refused; the next success shows that it is at fault (dead), a streak that the destination is (ready)
 * An event is closed when none of its deliveries is open; its user's next event starts then.
 */
export class Lane<E> {
  readonly #options: LaneOptions;
  readonly #books: LaneBooks<E>;
  readonly #order: LaneOrder<E>;
  readonly #endings: LaneEndings<E>;
  readonly #retries = new RetryQueue<E>();
  readonly #suspects = new Set<Task<E>>();
  #health: Health;
  #inFlight = 0;
  #probed = false;
  #gone = false;

  constructor(options: LaneOptions, health: Health = healthy) {
    this.#options = options;
    this.#books = new LaneBooks(options.mark, options.counts);
    this.#order = new LaneOrder(options.orderBy, options.actions, options.waitingByKey);
    this.#endings = new LaneEndings(this.#books, this.#order, options.random);
    this.#health = health;
  }

  get health(): Health {
    return this.#health;
  }
  /** Deliveries handed out whose outcome is not known yet. */
  get inFlight(): number {
    return this.#inFlight;
  }
  get scannedTo(): number {
    return this.#books.scannedTo;
  }
  get settled(): number {
    return this.#books.settled;
  }
  /** The destination answered that it wants no more events, ever. */
  get gone(): boolean {
    return this.#gone;
  }
  /** Deliveries read but neither settled nor set aside. */
  get open(): number {
    return this.#order.unsent + this.#inFlight + this.#retries.size + this.#suspects.size;
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
  wantsMore(unsentLimit: number): boolean {
    return this.#order.unsent < unsentLimit && this.#books.windowSize < this.#limit;
  }

  /** Takes a page of the archive, in the order of positions. @param scannedTo where the page ends */
  offer(events: readonly Offered<E>[], scannedTo: number): void {
    for (const offered of events) {
      const entry = entryOf(offered, this.#order.keyOf(offered));
      for (const actionId of offered.have) this.#books.set(actionId, entry.position);
      const tasks = offered.deliver.map((actionId) => newTask(entry, actionId));
      this.#books.enter(entry);
      if (entry.open === 0) this.#books.closed(entry);
      else if (this.#order.isBlocked(entry.orderKey)) this.#endings.standBehind(entry, tasks, 0);
      else this.#order.add(entry, tasks);
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
      this.#order.add(entry, tasks);
    }
  }

  /** The deliveries of the next request, empty when nothing may leave now. @param limit how many it may carry */
  next(now: number, limit = this.#options.batchSize): readonly Task<E>[] {
    if (this.#gone) return [];
    this.#wake(now);
    const may = maySend(this.#health, now);
    if (may === 'no' || (may === 'probe' && this.#inFlight > 0)) return [];
    const batch = may === 'probe' ? this.#takeProbe() : this.#order.take(limit);
    if (batch.length > 0 && may === 'probe') this.#health = probeSent(this.#health);
    this.#inFlight += batch.length;
    return batch;
  }

  /** When `next` may have something although nothing else happens; null: not by time alone. */
  wakeAt(): number | null {
    const retry = this.#retries.firstAt;
    const { down } = this.#health;
    const probe = down !== null && !down.probing && this.#order.ready > 0 ? down.probeAt : null;
    if (retry === null || probe === null) return retry ?? probe;
    return down === null ? Math.min(retry, probe) : probe;
  }

  /** Takes in how an attempt ended. */
  settle(task: Task<E>, outcome: Outcome, now: number): void {
    this.#inFlight--;
    switch (outcome.kind) {
      case 'delivered':
      case 'unconfirmable':
        this.#succeed(now);
        this.#books.set(task.actionId, task.entry.position);
        return this.#endings.finish(task, outcome.kind, now);
      case 'invalid':
        this.#unsend();
        return this.#endings.finish(task, 'invalid', now);
      case 'refused':
      case 'failed':
        return this.#fail(task, outcome, now);
      case 'down':
      case 'throttled':
      case 'gone':
        return this.#failWhole(task, outcome, now);
      case 'notSent':
        this.#unsend();
        return this.#comeBack(task, now, () => this.#order.putBack(task));
    }
  }

  /**
   * Nothing more comes that could show who is at fault, because nothing is left or all the lane may read stands behind
   * the suspects: a few refused events are so themselves.
   */
  judgeSuspects(now: number): void {
    if (this.#health.down !== null || this.#inFlight > 0 || this.#order.ready > 0 || this.#retries.size > 0)
      return;
    this.#condemn(now);
  }

  /** All that changed since the last commit. */
  takeCommit(): LaneCommit {
    this.#endings.written();
    return this.#books.take();
  }

  get #limit(): number {
    return this.#options.windowLimit ?? windowLimit;
  }

  /** The first may be any; the next ones follow in turn, as each goes to the end when it comes back. */
  #takeProbe(): Task<E>[] {
    if (this.#probed) return this.#order.take(1);
    this.#probed = true;
    return this.#order.takeAny(this.#options.random());
  }

  /** Nothing left this process: if it was to be a probe, any other may be the next one. */
  #unsend(): void {
    this.#health = probeUnsent(this.#health);
    this.#probed = false;
  }

  #wake(now: number): void {
    // A full window that an event in its retry waits holds back would stop all others: that event is set aside.
    const oldest = this.#books.windowSize >= this.#limit ? this.#books.oldest : undefined;
    if (oldest !== undefined)
      for (const task of this.#retries.takeOf(oldest)) this.#endings.setAside(task, now);
    for (const task of this.#retries.takeDue(now)) this.#order.putBack(task);
  }

  #succeed(now: number): void {
    this.#health = succeeded(this.#health, now);
    this.#condemn(now); // while the destination is down nobody is suspected
  }

  #fail(task: Task<E>, outcome: Outcome & { kind: 'refused' | 'failed' }, now: number): void {
    const refused = outcome.kind === 'refused';
    noteFailure(task, outcome.failure, now);
    const wasDown = this.#health.down !== null;
    this.#health = failedOne(this.#health, {
      failure: outcome.failure,
      refused,
      position: task.entry.position,
      user: task.entry.user,
      now,
      random: this.#options.random(),
    });
    this.#comeBack(task, now, () => {
      if (this.#health.down !== null) this.#order.putLast(task);
      else if (this.#order.hasOlder(task.entry)) this.#order.putBack(task);
      else if (refused) this.#suspects.add(task);
      else this.#tryAgain(task, now);
    });
    if (!wasDown && this.#health.down !== null) this.#recall();
  }

  #tryAgain(task: Task<E>, now: number): void {
    task.triedSince ??= now;
    if (++task.tries < triesInSlice && now - task.triedSince < tryForMs)
      this.#retries.add(task, now + ladderDelayMs(task.tries, this.#options.random()));
    else this.#endings.setAside(task, now);
  }

  #failWhole(task: Task<E>, outcome: Outcome & { kind: 'down' | 'throttled' | 'gone' }, now: number): void {
    task.failure = outcome.failure;
    this.#comeBack(task, now, () => this.#order.putLast(task));
    if (outcome.kind === 'gone') return void (this.#gone = true);
    const wasDown = this.#health.down !== null;
    this.#health = failedWhole(this.#health, outcome, now, this.#options.random());
    if (!wasDown) this.#recall();
  }

  /** A delivery is unsettled. If an older event of its request was set aside meanwhile, it follows that one at once. */
  #comeBack(task: Task<E>, now: number, otherwise: () => void): void {
    if (!this.#order.isHalted(task.entry)) return otherwise();
    this.#endings.standBehind(task.entry, [task], now);
    this.#order.release(task.entry);
  }

  /** While the destination is down nothing is given up: what waited for its next try just waits for the destination. */
  #recall(): void {
    const tasks = [...this.#suspects, ...this.#retries.takeAll()];
    this.#suspects.clear();
    for (const task of tasks) {
      task.tries = 0;
      task.triedSince = null;
      this.#order.putBack(task);
    }
  }

  #condemn(now: number): void {
    const suspects = [...this.#suspects];
    this.#suspects.clear();
    for (const task of suspects) this.#endings.die(task, now);
  }
}
