import { expect, test } from 'vitest';
import { TailQueue } from '../../src/api/live/tail-queue.ts';

const bounds = { perSecond: 1_000, most: 10, mostText: 10_000 };
const second = 1_000;

function offered(queue: TailQueue, positions: readonly number[], now: number) {
  for (const position of positions) queue.offer(position, () => `text ${position}`, now);
}

function taken(queue: TailQueue, now: number) {
  const entries = [];
  for (let entry = queue.take(now); entry !== null; entry = queue.take(now)) {
    entries.push('shown' in entry ? entry.shown.position : entry.skipped);
  }
  return entries;
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test('what fits comes out in order, and nothing is said to be left out', () => {
  const queue = new TailQueue(bounds);
  offered(queue, [1, 4, 9], 0);
  expect(taken(queue, 0)).toEqual([1, 4, 9]);
  expect([queue.empty, queue.dueInMs(0)]).toEqual([true, Infinity]);
});

test('for a reader who does not read it is bounded, and what has no place is counted where it was', () => {
  const queue = new TailQueue(bounds);
  offered(queue, upTo(500), 0);
  expect(taken(queue, 0)).toEqual(upTo(10));
  // The count stands for all that is left out until it is told.
  offered(queue, [501], 0);
  expect(taken(queue, 0)).toEqual([
    { reason: 'slow_reader', events: 490, fromPosition: 11, toPosition: 500 },
    501,
  ]);
});

test('long texts fill it as well', () => {
  const queue = new TailQueue(bounds);
  for (const position of upTo(5)) queue.offer(position, () => 'x'.repeat(6_000), 0);
  expect(taken(queue, second)).toEqual([
    1,
    2,
    { reason: 'slow_reader', events: 3, fromPosition: 3, toPosition: 5 },
  ]);
  queue.offer(6, () => 'y', 0);
  expect(taken(queue, 0)).toEqual([6]);
});

test('beyond the rate events of a second are left out, and told once when it is over', () => {
  const queue = new TailQueue({ ...bounds, perSecond: 3 });
  offered(queue, upTo(50), 0);
  expect(taken(queue, 0)).toEqual([1, 2, 3]);
  offered(queue, [51, 52], 500);
  expect(taken(queue, 999)).toEqual([]);
  expect(queue.dueInMs(999)).toBe(1);
  expect(taken(queue, second)).toEqual([{ reason: 'rate', events: 49, fromPosition: 4, toPosition: 52 }]);
  offered(queue, [53], second);
  expect(taken(queue, second)).toEqual([53]);
});

test('what nobody has looked at makes the count unknown', () => {
  const queue = new TailQueue({ ...bounds, perSecond: 1 });
  offered(queue, [1, 2], 0);
  queue.skip({ reason: 'too_far_behind', events: null, fromPosition: 3, toPosition: 90_000 }, 10);
  offered(queue, [90_001], 20);
  expect(taken(queue, second)).toEqual([
    1,
    { reason: 'too_far_behind', events: null, fromPosition: 2, toPosition: 90_001 },
  ]);
});
