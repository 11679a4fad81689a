import { noCounts } from '../../src/core/counts.ts';
import type { Health } from '../../src/core/health.ts';
import { Lane } from '../../src/core/lane.ts';
import type { Due, LaneCommit, LaneOptions, Offered, Task } from '../../src/core/lane-types.ts';
import type { Failure, Outcome } from '../../src/core/outcome.ts';

/** A lane of one action `a` from the start of the archive, without jitter, unless said otherwise. */
export function laneOf(options: Partial<LaneOptions> = {}, health?: Health): Lane<string> {
  return new Lane<string>(
    {
      mark: 0,
      counts: noCounts,
      ahead: noCounts,
      readTo: 0,
      orderBy: 'user',
      actions: ['a'],
      batchSize: 1,
      waitingByKey: new Map(),
      random: () => 0.5,
      ...options,
    },
    health,
  );
}

/** An event that has to go through action `a`, unless said otherwise. */
export function offered(
  position: number,
  orderKey: string,
  rest: Partial<Offered<string>> = {},
): Offered<string> {
  const decided = { deliver: ['a'], settled: [], have: [], reason: null };
  return { position, orderKey, receivedMs: position, event: `event ${position}`, ...decided, ...rest };
}

/** Offers one page that ends with its last event. */
export function read(lane: Lane<string>, ...events: Offered<string>[]): void {
  lane.offer(events, events.at(-1)!.position);
}

/** An event of a user whose delivery to `a` waited and is due. */
export function due(position: number, orderKey: string, rest: Partial<Due<string>> = {}): Due<string> {
  const deliveries = [{ actionId: 'a', attempts: 5, rounds: 1, ageMs: 20_000, errorClass: 'http_500' }];
  return { position, orderKey, user: orderKey, event: `event ${position}`, rest: null, deliveries, ...rest };
}

export function failureOf(errorClass: string, status?: number): Failure {
  return { errorClass, message: errorClass, ...(status !== undefined && { status }) };
}

export const delivered: Outcome = { kind: 'delivered' };
export const notSent: Outcome = { kind: 'notSent' };
export const failed: Outcome = { kind: 'failed', failure: failureOf('http_500', 500) };
export const refused: Outcome = { kind: 'refused', failure: failureOf('http_400', 400) };
export const invalid: Outcome = { kind: 'invalid', failure: failureOf('mapping_failed') };
export const unreachable: Outcome = { kind: 'down', failure: failureOf('connection_refused') };
export const gone: Outcome = { kind: 'gone', failure: failureOf('http_410', 410) };

export function throttled(retryAfterMs: number | null): Outcome {
  return { kind: 'throttled', failure: failureOf('http_429', 429), retryAfterMs };
}

export function positionsOf(tasks: readonly Task<string>[]): number[] {
  return tasks.map(({ entry }) => entry.position);
}

/** Takes out everything that may leave now, request by request. */
export function takeAll(lane: Lane<string>, now = 0): Task<string>[] {
  const all: Task<string>[] = [];
  for (let batch = lane.next(now); batch.length > 0; batch = lane.next(now)) all.push(...batch);
  return all;
}

/** Sends what may leave and lets it end in one way. @returns the positions sent */
export function send(lane: Lane<string>, outcome: Outcome, now: number): number[] {
  const tasks = lane.next(now);
  for (const task of tasks) lane.settle(task, outcome, now);
  return positionsOf(tasks);
}

/** Fails the first delivery that may leave until it is set aside. @returns when that was */
export function failUntilAside(lane: Lane<string>, from = 0, outcome: Outcome = failed): number {
  let now = from;
  for (let tries = 0; tries < 5; tries++) {
    send(lane, outcome, now);
    now = lane.wakeAt() ?? now;
  }
  return now;
}

/** What a commit writes, in short: `position/action` lists. */
export function changes(commit: LaneCommit) {
  const name = ({ position, actionId }: { position: number; actionId: string }) => `${position}/${actionId}`;
  return {
    mark: commit.mark,
    events: commit.counts.events,
    waiting: commit.waiting.map((row) => `${name(row)}${row.dueInMs === null ? ' behind' : ''}`),
    ended: commit.ended.map(name),
    dead: commit.dead.map(name),
    promote: commit.promote,
  };
}
