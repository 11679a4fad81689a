import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CanaryShare, canaryVerdict } from '../../src/core/canary.ts';
import { noCounts, type Bucket, type Counts } from '../../src/core/counts.ts';
import type { Lane } from '../../src/core/lane.ts';
import type { Offered } from '../../src/core/lane-types.ts';
import { delivered, invalid, laneOf, offered, takeAll } from '../support/lanes.ts';

const toSend = (position: number) => offered(position, 'u');
const had = (position: number): Offered<string> =>
  offered(position, 'u', { deliver: [], settled: [{ actionId: 'a', bucket: 'alreadyDelivered' }] });
const sentBefore = (position: number): Offered<string> =>
  offered(position, 'u', { deliver: [], settled: [{ actionId: 'a', bucket: 'delivered' }] });

const counted = (counts: Counts) => ({ standing: { counts, ahead: noCounts, open: 0 } });

/** Reads on as far as the share of a lane that is alone allows. */
function readOn(lane: Lane<string>, events: number, list: readonly Offered<string>[]): void {
  const share = new CanaryShare({ events, lane: 0, lanes: 1 }, lane);
  const rest = list.filter(({ position }) => position > lane.scannedTo);
  if (share.full || rest.length === 0) return;
  const { offers, scannedTo } = share.cut({ offers: rest, scannedTo: rest.at(-1)!.position });
  lane.offer(offers, scannedTo);
}

it('cuts the page behind the last event of its share, and counts only what has to be sent', () => {
  const lane = laneOf();
  const share = new CanaryShare({ events: 3, lane: 0, lanes: 1 }, lane);
  const offers = [had(1), toSend(2), had(3), toSend(4), had(5), toSend(6), had(7)];
  const page = share.cut({ offers, scannedTo: 9 });
  expect(page).toEqual({ offers: offers.slice(0, 6), scannedTo: 6 });
  lane.offer(page.offers, page.scannedTo);
  expect(share.full).toBe(true);
});

it('leaves a page whole that it has room for', () => {
  const lane = laneOf();
  const share = new CanaryShare({ events: 3, lane: 0, lanes: 1 }, lane);
  const page = { offers: [toSend(1), had(2)], scannedTo: 50 };
  expect(share.cut(page)).toBe(page);
  lane.offer(page.offers, page.scannedTo);
  expect(share.full).toBe(false);
});

it('goes on where the last slice stopped: what is counted, or sent above the mark, is not sent again', () => {
  const share = new CanaryShare(
    { events: 4, lane: 0, lanes: 1 },
    counted({ ...noCounts, events: { delivered: 1, dead: 1, alreadyDelivered: 900, filtered: 5 } }),
  );
  const offers = [sentBefore(10), toSend(11), toSend(12)];
  expect(share.cut({ offers, scannedTo: 12 }).scannedTo).toBe(11);
});

it('reads as far as who takes the lane when any part of it is sent and knows its counts alone', () => {
  const ends: Record<string, { bucket: Bucket } | 'delivered' | 'invalid' | 'suppressed'> = {
    had: { bucket: 'alreadyDelivered' },
    dead: { bucket: 'dead' },
    waiting: { bucket: 'waiting' },
    filtered: { bucket: 'filtered' },
    malformed: { bucket: 'invalid' },
    delivered: 'delivered',
    invalid: 'invalid',
    suppressed: 'suppressed',
  };
  const actions = ['a', 'b', 'c'];
  const anyEvent = fc.array(fc.constantFrom(...Object.keys(ends)), { minLength: 3, maxLength: 3 });
  const offer = (position: number, names: readonly string[]): Offered<string> => {
    const deliver = actions.filter((_, at) => typeof ends[names[at]!] === 'string');
    const settled = actions.flatMap((actionId, at) => {
      const end = ends[names[at]!]!;
      return typeof end === 'string' ? [] : [{ actionId, bucket: end.bucket }];
    });
    return offered(position, `u${position}`, { deliver, settled });
  };
  const anyLane = fc.record({
    events: fc.array(anyEvent, { minLength: 1, maxLength: 12 }),
    canary: fc.integer({ min: 1, max: 6 }),
    cutAt: fc.integer({ min: 1, max: 12 }),
  });
  fc.assert(
    fc.property(anyLane, ({ events, canary, cutAt }) => {
      const offers = events.map((names, index) => offer(index + 1, names));
      const settle = (lane: Lane<string>) => {
        for (const task of takeAll(lane)) {
          const end = events[task.entry.position - 1]![actions.indexOf(task.actionId)];
          if (end === 'suppressed') lane.settle(task, { kind: 'suppressed' }, 0);
          else lane.settle(task, end === 'invalid' ? invalid : delivered, 0);
        }
      };
      const work = (lane: Lane<string>, list: readonly Offered<string>[]) => {
        for (let before = -1; lane.scannedTo > before; settle(lane)) {
          before = lane.scannedTo;
          readOn(lane, canary, list);
        }
        return lane;
      };
      const alone = work(laneOf({ actions }), offers);
      const first = work(laneOf({ actions }), offers.slice(0, cutAt));
      const { mark, counts } = first.takeCommit();
      const next = work(laneOf({ actions, mark, counts }), offers);
      expect(next.scannedTo).toBe(alone.scannedTo);
      expect(next.takeCommit().counts).toEqual(alone.takeCommit().counts);
    }),
  );
});

it('has room again for another when one of its events ends without being sent', () => {
  const lane = laneOf({ actions: ['a', 'b'] });
  const share = new CanaryShare({ events: 1, lane: 0, lanes: 1 }, lane);
  const halfHad = offered(1, 'u', {
    deliver: ['b'],
    settled: [{ actionId: 'a', bucket: 'alreadyDelivered' }],
  });
  lane.offer([halfHad], 1);
  expect(share.full).toBe(true);
  lane.settle(lane.next(0)[0]!, invalid, 0);
  expect(share.full).toBe(false);
  lane.takeCommit();
  expect(share.full).toBe(false);
});

it('divides the first events among the lanes, none left over and none too many', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 64 }), (events, lanes) => {
      const offers = Array.from({ length: events }, (_, index) => toSend(index + 1));
      let sum = 0;
      for (let lane = 0; lane < lanes; lane++) {
        const share = new CanaryShare({ events, lane, lanes }, counted(noCounts));
        if (!share.full) sum += share.cut({ offers, scannedTo: events }).offers.length;
      }
      expect(sum).toBe(events);
    }),
    { numRuns: 20 },
  );
});

it('is good only when each of them has arrived', () => {
  const verdict = (events: object) => canaryVerdict({ ...noCounts, events });
  expect(verdict({ delivered: 5, unconfirmable: 2, filtered: 3, alreadyDelivered: 1, suppressed: 1 })).toBe(
    'good',
  );
  for (const bucket of ['waiting', 'dead', 'invalid'])
    expect(verdict({ delivered: 5, [bucket]: 1 })).toBe('bad');
});
