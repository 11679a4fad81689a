import { bucketOf, isLeftOut, type Bucket } from './counts.ts';
import type { Due, Entry, Offered, Task, WaitingRow } from './lane-types.ts';
import type { Failure } from './outcome.ts';

const none: readonly never[] = [];

/** An event of the archive as the lane holds it. */
export function entryOf<E>(offered: Offered<E>, orderKey: string): Entry<E> {
  return {
    position: offered.position,
    receivedMs: offered.receivedMs,
    orderKey,
    user: offered.orderKey,
    event: offered.event,
    due: false,
    reason: offered.reason,
    rest: null,
    rows: none,
    open: offered.deliver.length,
    settled: offered.settled,
    asides: none,
  };
}

/** An event whose waiting deliveries have come due, with them. @param now on the lane's clock */
export function dueEntryOf<E>(due: Due<E>, now: number): { entry: Entry<E>; tasks: Task<E>[] } {
  const { position, orderKey, user, event, rest, deliveries } = due;
  const base = { receivedMs: null, due: true, reason: null, rows: none, settled: none, asides: none };
  const entry: Entry<E> = { ...base, position, orderKey, user, event, rest, open: deliveries.length };
  const tasks = deliveries.map(({ actionId, attempts, rounds, ageMs }) => ({
    ...newTask(entry, actionId),
    attempts,
    rounds,
    firstFailedAt: ageMs === null ? null : now - ageMs,
    atFault: rounds > 0,
    // What failed before goes alone; what only stood behind it shares requests as ever.
    most: attempts > 0 ? 1 : Number.POSITIVE_INFINITY,
  }));
  entry.rows = tasks;
  return { entry, tasks };
}

/** A delivery that has not been tried. */
export function newTask<E>(entry: Entry<E>, actionId: string): Task<E> {
  return {
    entry,
    actionId,
    tries: 0,
    triedSince: null,
    attempts: 0,
    rounds: 0,
    firstFailedAt: null,
    failure: null,
    turn: 0,
    request: 0,
    failedAlone: null,
    atFault: false,
    most: Number.POSITIVE_INFINITY,
  };
}

/** Writes a failed try down in its delivery. */
export function noteFailure(task: Task<unknown>, failure: Failure, now: number): void {
  task.attempts++;
  task.failure = failure;
  task.firstFailedAt ??= now;
}

/** The last open delivery of an event is not sent, for this reason: if none of the others was, it is the event's. */
export function noteReason(entry: Entry<unknown>, reason: string): void {
  const unsent = entry.settled.every(({ bucket }) => isLeftOut(bucket));
  if (entry.open === 1 && entry.asides.length === 0 && !entry.due && unsent) entry.reason = reason;
}

/** The bucket of the event's deliveries that do not wait, null when there are none. */
export function restOf(entry: Entry<unknown>): Bucket | null {
  const ended: Bucket[] = entry.settled.map((one) => one.bucket).filter((bucket) => bucket !== 'waiting');
  if (entry.rest !== null) ended.push(entry.rest);
  return ended.length === 0 ? null : bucketOf(ended);
}

/** The row of a delivery that waits. @param dueInMs null: it stands behind an earlier event of its key */
export function rowOf(
  task: Task<unknown>,
  rest: Bucket | null,
  now: number,
  dueInMs: number | null,
): WaitingRow {
  const { entry, actionId, attempts, rounds, failure, firstFailedAt } = task;
  return {
    position: entry.position,
    actionId,
    orderKey: entry.orderKey,
    attempts,
    rounds,
    dueInMs,
    ageMs: firstFailedAt === null ? null : now - firstFailedAt,
    failure,
    rest,
  };
}
