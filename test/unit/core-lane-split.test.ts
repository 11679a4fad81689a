import { expect, test } from 'vitest';
import type { Lane } from '../../src/core/lane.ts';
import type { Task } from '../../src/core/lane-types.ts';
import { outcomesOf, type Outcome } from '../../src/core/outcome.ts';
import { delivered, due, failed, laneOf, offered, read, refused, unreachable } from '../support/lanes.ts';

/** A destination that answers each request as a whole: not as it should when one of these positions is in it. */
function answer(request: readonly Task<string>[], bad: ReadonlySet<number>, how: Outcome): Outcome[] {
  const spoilt = request.some(({ entry }) => bad.has(entry.position));
  return outcomesOf(spoilt ? how : delivered, request.length);
}

/** Sends until nothing more may leave. @returns the positions of each request */
function drain(lane: Lane<string>, bad: ReadonlySet<number>, how: Outcome, minutes = 3): number[][] {
  const requests: number[][] = [];
  for (let now = 0; now < minutes * 60_000 && lane.open > 0;) {
    const request = lane.next(now);
    if (request.length === 0) {
      lane.judgeSuspects(now, 'bounded');
      now = Math.max(now + 1, lane.wakeAt() ?? now + 1);
      continue;
    }
    requests.push(request.map(({ entry }) => entry.position));
    lane.settleRequest(request, answer(request, bad, how), now);
  }
  return requests;
}

const positions = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const each = (count: number) => positions(count).map((position) => offered(position, `u${position}`));

test('a batch that is refused because of one event is split until that one stands alone', () => {
  const lane = laneOf({ batchSize: 64 });
  read(lane, ...each(64));
  const requests = drain(lane, new Set([23]), refused);

  const commit = lane.takeCommit();
  expect(commit.counts.events).toEqual({ delivered: 63, dead: 1 });
  expect(commit.dead.map(({ position }) => position)).toEqual([23]);
  expect(commit.mark).toBe(64);
  expect(requests.filter((request) => request.includes(23)).map((request) => request.length)).toEqual([
    64, 32, 16, 8, 4, 2, 1,
  ]);
  expect(requests).toHaveLength(13); // six halves beside them
});

test('a batch that fails because of one event does not hold the others of it', () => {
  const lane = laneOf({ batchSize: 64 });
  read(lane, ...each(64));
  drain(lane, new Set([23]), failed, 0.5);

  const commit = lane.takeCommit();
  expect(commit.ahead.events.delivered ?? 0 + (commit.counts.events.delivered ?? 0)).toBeGreaterThan(0);
  expect(commit.counts.events).toEqual({ delivered: 63, waiting: 1 });
  expect(commit.waiting.map(({ position }) => position)).toEqual([23]);
});

test('halves keep the order of each user', () => {
  const lane = laneOf({ batchSize: 8 });
  read(lane, ...positions(16).map((position) => offered(position, position % 2 === 0 ? 'a' : 'b')));
  const arrived: number[] = [];
  const bad = new Set([7]);
  for (let now = 0; lane.open > 0 && now < 60_000; now++) {
    const request = lane.next(now);
    if (request.length === 0) lane.judgeSuspects(now, 'bounded');
    else {
      const outcomes = answer(request, bad, refused);
      if (outcomes[0] === delivered) arrived.push(...request.map(({ entry }) => entry.position));
      lane.settleRequest(request, outcomes, now);
    }
  }
  const of = (rest: number) => arrived.filter((position) => position % 2 === rest);
  expect(of(0)).toEqual([2, 4, 6, 8, 10, 12, 14, 16]);
  expect(of(1)).toEqual([1, 3, 5, 9, 11, 13, 15]);
});

/** As strict mode answers: it takes nothing of a request and names who is at fault. */
const named = (request: readonly Task<string>[], bad: ReadonlySet<number>): Outcome[] =>
  request.some(({ entry }) => bad.has(entry.position))
    ? request.map(({ entry }) => (bad.has(entry.position) ? refused : { kind: 'notSent' }))
    : request.map(() => delivered);

test('of a request that names whom it refuses the others go without those, in order', () => {
  const lane = laneOf({ batchSize: 8 });
  read(lane, ...positions(8).map((position) => offered(position, position % 2 === 0 ? 'a' : 'b')));
  const requests: number[][] = [];
  for (let now = 0; lane.open > 0 && now < 100; now++) {
    const request = lane.next(now);
    requests.push(request.map(({ entry }) => entry.position));
    lane.settleRequest(request, named(request, new Set([4, 6])), now);
    if (request.length === 0) lane.judgeSuspects(now, 'bounded');
  }
  expect(requests[0]).toHaveLength(8);
  const commit = lane.takeCommit();
  expect(commit.counts.events).toEqual({ delivered: 6, dead: 2 });
  expect(commit.dead.map(({ position }) => position)).toEqual([4, 6]);
  expect(requests.length).toBeLessThan(10);
});

test('requests that are refused one after another show that the destination refuses, and nothing is given up', () => {
  const lane = laneOf({ batchSize: 4 });
  read(lane, ...each(40));
  for (let sent = 0; lane.health.down === null && sent < 20; sent++) {
    const request = lane.next(0);
    lane.settleRequest(request, outcomesOf(refused, request.length), 0);
  }
  expect(lane.health.down?.reason).toBe('destination_refuses');
  expect(lane.takeCommit().dead).toEqual([]);
});

test('one answer to a large batch says as much about the destination as one event does', () => {
  const lane = laneOf({ batchSize: 500 });
  read(lane, ...each(500));
  const request = lane.next(0);
  lane.settleRequest(request, outcomesOf(failed, request.length), 0);
  expect(lane.health.down).toBeNull();
});

test('an answer for the whole account is heard whatever the size of its request', () => {
  const lane = laneOf({ batchSize: 4 });
  read(lane, ...each(4));
  lane.settleRequest(lane.next(0), outcomesOf(unreachable, 4), 0);
  expect(lane.health.down?.reason).toBe('destination_down');
  expect(lane.next(1_000)).toHaveLength(1);
});

test('what failed before goes alone when it is due', () => {
  const lane = laneOf({ batchSize: 10, mark: 5, waitingByKey: new Map([['a', 1]]) });
  read(lane, offered(6, 'b'), offered(7, 'c'));
  lane.offerDue([due(2, 'a')], 0);
  const sizes = [lane.next(0), lane.next(0)].map((request) => request.map(({ entry }) => entry.position));
  expect(sizes.toSorted((x, y) => x.length - y.length)).toEqual([[2], [6, 7]]);
});
