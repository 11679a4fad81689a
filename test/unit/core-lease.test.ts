import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketCount } from '../../src/core/event.ts';
import { laneBuckets, leaseMs, watchLease, type LeaseWatch } from '../../src/core/lease.ts';

describe('watching a lease', () => {
  it('may be taken only after its renewals stood still for its length', () => {
    let { watch, mayTake } = watchLease(null, 7, 1_000);
    expect(mayTake).toBe(false);
    ({ watch, mayTake } = watchLease(watch, 7, 1_000 + leaseMs - 1));
    expect(mayTake).toBe(false);
    expect(watchLease(watch, 7, 1_000 + leaseMs).mayTake).toBe(true);
  });

  it('starts over with each renewal that is seen', () => {
    const { watch } = watchLease(null, 7, 0);
    const renewed = watchLease(watch, 8, leaseMs);
    expect(renewed).toMatchObject({ mayTake: false, moved: true });
    expect(watchLease(renewed.watch, 8, leaseMs + 1)).toMatchObject({ mayTake: false, moved: false });
    expect(watchLease(renewed.watch, 8, 2 * leaseMs).mayTake).toBe(true);
  });

  it('is never taken from a holder who renews in time, however the watcher looks', () => {
    const anyLooks = fc.array(fc.integer({ min: 1, max: 3_000 }), { maxLength: 60 });
    fc.assert(
      fc.property(anyLooks, fc.integer({ min: 100, max: leaseMs - 1 }), (steps, everyMs) => {
        let watch: LeaseWatch | null = null;
        let now = 0;
        for (const step of steps) {
          now += step;
          const seen = watchLease(watch, Math.floor(now / everyMs), now);
          watch = seen.watch;
          expect(seen.mayTake).toBe(false);
        }
      }),
    );
  });
});

it('divides all buckets among the lanes, without gap or overlap and evenly', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), (lanes) => {
      const ranges = laneBuckets(lanes, bucketCount);
      expect(ranges).toHaveLength(lanes);
      expect(ranges[0]!.from).toBe(0);
      expect(ranges.at(-1)!.to).toBe(bucketCount - 1);
      ranges.slice(1).forEach((range, index) => expect(range.from).toBe(ranges[index]!.to + 1));
      const sizes = ranges.map(({ from, to }) => to - from + 1);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});
