import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bucketOf,
  buckets,
  countedEvents,
  noCounts,
  sumCounts,
  type Bucket,
  type Counts,
} from '../../src/core/counts.ts';
import { Tally, type Settled } from '../../src/core/tally.ts';

const anyBucket = fc.constantFrom(...buckets);
const anyDeliveries: fc.Arbitrary<Settled[]> = fc
  .array(anyBucket, { maxLength: 3 })
  .map((list) => list.map((bucket, index) => ({ actionId: `a${index}`, bucket })));

function tallied(list: readonly (readonly Settled[])[]): Counts {
  const tally = new Tally(noCounts);
  for (const deliveries of list) tally.count(deliveries, null);
  return tally.counts();
}

describe('the bucket of an event', () => {
  it('is the first by precedence of its deliveries', () => {
    const rule: Bucket[] = [
      'waiting',
      'dead',
      'unconfirmable',
      'delivered',
      'alreadyDelivered',
      'suppressed',
      'invalid',
      'superseded',
      'tooOld',
      'filtered',
    ];
    rule.forEach((bucket, index) => {
      for (const weaker of rule.slice(index)) {
        expect(bucketOf([bucket, weaker])).toBe(bucket);
        expect(bucketOf([weaker, bucket])).toBe(bucket);
      }
    });
  });

  it('is filtered without any delivery', () => {
    expect(bucketOf([])).toBe('filtered');
  });
});

describe('a tally', () => {
  it('counts each event once and each delivery once', () => {
    fc.assert(
      fc.property(fc.array(anyDeliveries, { maxLength: 30 }), (list) => {
        const counts = tallied(list);
        expect(countedEvents(counts)).toBe(list.length);
        const deliveries = Object.values(counts.byAction).flatMap((cells) => Object.values(cells));
        expect(deliveries.reduce((sum, count) => sum + count, 0)).toBe(list.flat().length);
        expect([...Object.values(counts.events), ...deliveries].every((count) => count > 0)).toBe(true);
      }),
    );
  });

  it('moves what waited, and says no count below zero', () => {
    const tally = new Tally(noCounts);
    tally.count([{ actionId: 'a', bucket: 'waiting' }], null);
    tally.moveDelivery('a', 'delivered');
    tally.moveEvent('delivered');
    expect(tally.counts()).toEqual({
      events: { delivered: 1 },
      byAction: { a: { delivered: 1 } },
      reasons: {},
    });
    expect(() => tally.moveEvent('dead')).toThrow('below zero');
    expect(() => tally.moveDelivery('b', 'dead')).toThrow('below zero');
  });

  it('goes on from what was counted, without changing it, and hands out copies', () => {
    const before = { events: { dead: 2 }, byAction: { a: { dead: 2 } }, reasons: { waiting_elsewhere: 1 } };
    const frozen = structuredClone(before);
    const tally = new Tally(before);
    const early = tally.counts();
    tally.count([{ actionId: 'a', bucket: 'filtered' }], 'waiting_elsewhere');
    expect(before).toEqual(frozen);
    expect(early).toEqual(frozen);
    expect(tally.counts()).toEqual({
      events: { dead: 2, filtered: 1 },
      byAction: { a: { dead: 2, filtered: 1 } },
      reasons: { waiting_elsewhere: 2 },
    });
  });
});

it('adds up lanes to what one lane would have counted', () => {
  fc.assert(
    fc.property(fc.array(fc.array(anyDeliveries, { maxLength: 10 }), { maxLength: 4 }), (lanes) => {
      expect(sumCounts(lanes.map(tallied))).toEqual(tallied(lanes.flat()));
    }),
  );
  expect(sumCounts([])).toEqual(noCounts);
});
