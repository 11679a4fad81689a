import type { Bucket } from './counts.ts';
import type { Doubted } from './health.ts';
import type { LaneBooks } from './lane-books.ts';
import { restOf, rowOf } from './lane-entry.ts';
import type { LaneOrder } from './lane-order.ts';
import type { Entry, Task } from './lane-types.ts';
import { isExhausted, maxBehind, setAsideDelayMs } from './retry.ts';
import type { Settled } from './tally.ts';

/**
 * How the deliveries of a lane end: settled, set aside or given up on. With its last one an event is closed, which is
 * written down and lets its order key go on, or blocks it.
 *
 * A row that waits is written when its event closes, with a time of its own, or without one behind an earlier event.
 * It is taken up when it is due; then it is written anew, or ends with the commit that says how. What stood behind the
 * last one of an event gets its time by being promoted.
 * Invariant of every commit: of each order key with rows the first event has one with a time, so that whoever comes
 * after a crash takes it up.
 */
export class LaneEndings<E> {
  readonly #books: LaneBooks<E>;
  readonly #order: LaneOrder<E>;
  readonly #random: () => number;
  /** Back to none with each commit; while there are some their rows may still be read as they were. */
  #dueUnwritten = 0;

  constructor(books: LaneBooks<E>, order: LaneOrder<E>, random: () => number) {
    this.#books = books;
    this.#order = order;
    this.#random = random;
  }

  /** Events from waiting rows that were closed since the last commit was taken. */
  get dueUnwritten(): number {
    return this.#dueUnwritten;
  }

  /** A commit has taken along all that ended. */
  written(): void {
    this.#dueUnwritten = 0;
  }

  /** A delivery is settled. */
  finish(task: Task<E>, bucket: Bucket, now: number): void {
    const { entry, actionId } = task;
    entry.settled = [...entry.settled, { actionId, bucket }];
    if (entry.due) this.#endRow(task, bucket, now);
    if (--entry.open === 0) this.#close(entry, now);
  }

  /** A delivery is given up on. */
  die(task: Task<E>, now: number): void {
    const { attempts, actionId, failure, firstFailedAt } = task;
    const ageMs = now - (firstFailedAt ?? now);
    this.#books.die({ position: task.entry.position, actionId, attempts, ageMs, failure: failure! });
    this.finish(task, 'dead', now);
  }

  /** A delivery has been tried enough for now: it will wait in the database, or ends when it has waited enough. */
  setAside(task: Task<E>, now: number): void {
    const ageMs = now - (task.firstFailedAt ?? now);
    const behind = this.#order.waitingOf(task.entry.orderKey);
    if (isExhausted(ageMs, task.rounds, behind)) return this.die(task, now);
    task.entry.asides = [...task.entry.asides, task];
    if (--task.entry.open === 0) this.#close(task.entry, now);
  }

  /** An event whose user has waiting ones becomes waiting rows without a time of its own. */
  standBehind(entry: Entry<E>, tasks: readonly Task<E>[], now: number): void {
    const rest = restOf(entry);
    for (const task of tasks) this.#books.wait(rowOf(task, rest, now, null));
    entry.open = 0;
    if (entry.due) return void this.#dueUnwritten++;
    entry.settled = [...entry.settled, ...waiting(tasks)];
    this.#stand(entry.orderKey, tasks.length);
    this.#books.closed(entry);
  }

  /** What was refused so and waits for its time is tried at once. */
  callUp({ position, user, errorClass }: Doubted): void {
    const orderKey = this.#order.keyOf({ position, orderKey: user });
    if (this.#order.isBlocked(orderKey)) this.#books.callUp({ position, errorClass });
  }

  /** When too many stand behind a waiting delivery, it is tried at once: unless it arrives now it is given up on. */
  #stand(orderKey: string, rows: number): void {
    const before = this.#order.waitingOf(orderKey);
    const after = this.#order.addWaiting(orderKey, rows);
    if (before <= maxBehind && after > maxBehind) this.#books.hurry(orderKey);
  }

  /** A row ends with the commit that says so, not only with its event: the others of the event learn how it ended. */
  #endRow(task: Task<E>, bucket: Bucket, now: number): void {
    const { entry, actionId } = task;
    this.#order.addWaiting(entry.orderKey, -1);
    this.#books.endDelivery(entry.position, { actionId, bucket });
    entry.rows = entry.rows.filter((other) => other !== task);
    for (const other of entry.rows) this.#books.wait(rowOf(other, restOf(entry), now, 0));
  }

  /** Nothing of the event is open: what was set aside becomes rows, and its order key goes on or is blocked. */
  #close(entry: Entry<E>, now: number): void {
    const rest = restOf(entry);
    for (const task of entry.asides)
      this.#books.wait(rowOf(task, rest, now, setAsideDelayMs(task.rounds++, this.#random())));
    if (entry.due) this.#closeDue(entry, now);
    else this.#closeRead(entry, now);
    this.#order.release(entry);
    // Even while its next one is in hand: after a crash a row without a time would be taken up by nobody.
    if (entry.asides.length === 0 && this.#order.isBlocked(entry.orderKey))
      this.#books.promote(entry.orderKey);
  }

  #closeDue(entry: Entry<E>, now: number): void {
    this.#dueUnwritten++;
    if (entry.asides.length === 0) return this.#books.endEvent(entry.position, restOf(entry)!);
    // What shared its requests has failed as well, of which the rows do not know.
    for (const { entry: follower, tasks } of this.#order.halt(entry.orderKey))
      if (tasks.some(({ failure }) => failure !== null)) this.standBehind(follower, tasks, now);
  }

  #closeRead(entry: Entry<E>, now: number): void {
    const { asides, orderKey } = entry;
    if (asides.length > 0) {
      this.#order.addWaiting(orderKey, asides.length);
      for (const { entry: follower, tasks } of this.#order.halt(orderKey))
        this.standBehind(follower, tasks, now);
    }
    entry.settled = [...entry.settled, ...waiting(asides)];
    this.#books.closed(entry);
  }
}

function waiting(tasks: readonly Task<unknown>[]): Settled[] {
  return tasks.map(({ actionId }) => ({ actionId, bucket: 'waiting' }));
}
