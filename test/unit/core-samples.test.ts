import { expect, it } from 'vitest';
import { mergeSamples, SampleBook } from '../../src/core/samples.ts';
import { invalid, laneOf, offered, read } from '../support/lanes.ts';

const filtered = (position: number, reason: string) =>
  offered(position, 'u', { deliver: [], settled: [{ actionId: 'a', bucket: 'filtered' }], reason });

it('keeps the first five of each reason, hands them out when there are new ones, and goes on after a crash', () => {
  const lane = laneOf();
  read(lane, filtered(1, 'x'), filtered(2, 'x'), filtered(3, 'y'));
  const { samples } = lane.takeCommit();
  expect(samples).toEqual({ x: [{ position: 1 }, { position: 2 }], y: [{ position: 3 }] });
  expect(lane.takeCommit().samples).toBeNull();

  const next = laneOf({ mark: 1, samples: samples! });
  read(next, filtered(2, 'x'), filtered(3, 'y'));
  expect(next.takeCommit().samples).toBeNull();
  read(next, ...[4, 5, 6, 7].map((position) => filtered(position, 'x')));
  expect(next.takeCommit().samples?.['x']?.map(({ position }) => position)).toEqual([1, 2, 4, 5, 6]);
});

it('says what is wrong with an event that cannot be turned into a request', () => {
  const lane = laneOf();
  read(lane, offered(7, 'u'));
  lane.settle(lane.next(0)[0]!, invalid, 0);
  expect(lane.takeCommit().samples).toEqual({
    'invalid: mapping_failed': [{ position: 7, message: 'mapping_failed' }],
  });
});

it('does not grow with the number of reasons', () => {
  const book = new SampleBook({});
  for (let reason = 0; reason < 200; reason++) book.note(`r${reason}`, { position: reason });
  expect(Object.keys(book.take()!)).toHaveLength(50);
});

it('merges those of several lanes, lowest positions first', () => {
  const of = (...positions: number[]) => ({ x: positions.map((position) => ({ position })) });
  expect(mergeSamples([of(2, 4, 9), of(1, 3, 5, 7)])).toEqual(of(1, 2, 3, 4, 5));
});

it('keeps what the destination said to the first that it took', () => {
  const lane = laneOf();
  read(lane, offered(1, 'u'), offered(2, 'v'));
  lane.settle(lane.next(0)[0]!, { kind: 'delivered', answer: '200 OK in 3 ms' }, 0);
  lane.settle(lane.next(0)[0]!, { kind: 'delivered' }, 0);
  expect(lane.takeCommit().samples).toEqual({ delivered: [{ position: 1, message: '200 OK in 3 ms' }] });
});
