import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CanaryShare, canaryVerdict } from '../../src/core/canary.ts';
import { noCounts } from '../../src/core/counts.ts';
import type { Offered } from '../../src/core/lane-types.ts';
import { offered } from '../support/lanes.ts';

const toSend = (position: number) => offered(position, 'u');
const had = (position: number): Offered<string> =>
  offered(position, 'u', { deliver: [], settled: [{ actionId: 'a', bucket: 'alreadyDelivered' }] });
const sentBefore = (position: number): Offered<string> =>
  offered(position, 'u', { deliver: [], settled: [{ actionId: 'a', bucket: 'delivered' }] });

it('cuts the page behind the last event of its share, and counts only what has to be sent', () => {
  const share = new CanaryShare({ events: 3, lane: 0, lanes: 1 }, noCounts);
  const offers = [had(1), toSend(2), had(3), toSend(4), had(5), toSend(6), had(7)];
  expect(share.cut({ offers, scannedTo: 9 })).toEqual({ offers: offers.slice(0, 6), scannedTo: 6 });
  expect(share.full).toBe(true);
});

it('leaves a page whole that it has room for', () => {
  const share = new CanaryShare({ events: 3, lane: 0, lanes: 1 }, noCounts);
  const page = { offers: [toSend(1), had(2)], scannedTo: 50 };
  expect(share.cut(page)).toBe(page);
  expect(share.full).toBe(false);
});

it('goes on where the last slice stopped: what is counted, or sent above the mark, is not sent again', () => {
  const share = new CanaryShare(
    { events: 4, lane: 0, lanes: 1 },
    { ...noCounts, events: { delivered: 1, dead: 1, alreadyDelivered: 900, filtered: 5 } },
  );
  const offers = [sentBefore(10), toSend(11), toSend(12)];
  expect(share.cut({ offers, scannedTo: 12 }).scannedTo).toBe(11);
});

it('divides the first events among the lanes, none left over and none too many', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 64 }), (events, lanes) => {
      let sum = 0;
      for (let lane = 0; lane < lanes; lane++) {
        const share = new CanaryShare({ events, lane, lanes }, noCounts);
        for (let position = 1; !share.full; position++) {
          share.cut({ offers: [toSend(position)], scannedTo: position });
          sum++;
        }
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
