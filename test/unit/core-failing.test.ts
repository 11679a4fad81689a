import fc from 'fast-check';
import { expect, test } from 'vitest';
import { failingFrom, failingUntil, isFailing, leastFailed } from '../../src/core/failing.ts';

const some = fc.nat({ max: 100_000 });
const recent = fc.record({ failed: some, delivered: some });

test('it begins with ten failures that are a fifth of all, and ends below a twentieth', () => {
  expect(isFailing(false, { failed: 9, delivered: 0 })).toBe(false);
  expect(isFailing(false, { failed: 10, delivered: 41 })).toBe(false);
  expect(isFailing(false, { failed: 10, delivered: 40 })).toBe(true);
  expect(isFailing(true, { failed: 1, delivered: 19 })).toBe(true);
  expect(isFailing(true, { failed: 1, delivered: 20 })).toBe(false);
});

test('without deliveries nothing fails', () => {
  expect(isFailing(true, { failed: 0, delivered: 0 })).toBe(false);
  expect(isFailing(false, { failed: 0, delivered: 0 })).toBe(false);
});

test('more failures never make it well, more successes never make it fail', () => {
  fc.assert(
    fc.property(fc.boolean(), recent, some, (was, { failed, delivered }, more) => {
      if (isFailing(was, { failed, delivered })) {
        expect(isFailing(was, { failed: failed + more, delivered })).toBe(true);
      } else expect(isFailing(was, { failed, delivered: delivered + more })).toBe(false);
    }),
  );
});

test('who is judged to fail was not well by the same measure: between the two shares what was stays', () => {
  fc.assert(
    fc.property(recent, ({ failed, delivered }) => {
      if (isFailing(false, { failed, delivered })) expect(isFailing(true, { failed, delivered })).toBe(true);
      const share = failed / Math.max(1, failed + delivered);
      if (failed >= leastFailed && share >= failingUntil && share < failingFrom) {
        for (const was of [true, false]) expect(isFailing(was, { failed, delivered })).toBe(was);
      }
    }),
  );
});
