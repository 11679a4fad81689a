import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { afterFailure, askAgainForMs, leastAttempts } from '../../src/core/notification-retry.ts';

const once = { failures: 1, failingForMs: 0, attempts: 1, triedForMs: 0, retryAfterMs: null };
const times = fc.integer({ min: 1, max: 10_000 });
const longMs = fc.integer({ min: 0, max: 10 * askAgainForMs });
const failed = fc.record({
  failures: times,
  failingForMs: longMs,
  attempts: times,
  triedForMs: longMs,
  retryAfterMs: fc.option(longMs),
});
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('a receiver is asked again within seconds at first, and every few minutes in the end', () => {
  expect(afterFailure(once, 0.5)).toEqual({ pauseMs: 5_000, retryMs: 10_000, giveUp: 'nothing' });
  expect(afterFailure({ ...once, failures: 1_000, attempts: 1_000 }, 0.5)).toMatchObject({
    pauseMs: 5 * 60_000,
    retryMs: 30 * 60_000,
  });
});

describe('whatever has failed', () => {
  test('the waits are within bounds, longer with more failures, and as long as was asked for, up to an hour', () => {
    fc.assert(
      fc.property(failed, random, (how, chance) => {
        const { pauseMs, retryMs } = afterFailure(how, chance);
        for (const wait of [pauseMs, retryMs]) {
          expect(wait).toBeGreaterThanOrEqual(Math.max(3_750, Math.min(how.retryAfterMs ?? 0, 3_600_000)));
          expect(wait).toBeLessThanOrEqual(3_600_000);
        }
        const later = afterFailure(
          { ...how, failures: how.failures + 1, attempts: how.attempts + 1 },
          chance,
        );
        expect(later.pauseMs).toBeGreaterThanOrEqual(pauseMs);
        expect(later.retryMs).toBeGreaterThanOrEqual(retryMs);
      }),
    );
  });

  test('nothing is given up on before three days of trying, and all that failed for so long is', () => {
    fc.assert(
      fc.property(failed, random, (how, chance) => {
        const over = (tries: number, forMs: number) => tries >= leastAttempts && forMs >= askAgainForMs;
        const { giveUp } = afterFailure(how, chance);
        if (over(how.failures, how.failingForMs)) expect(giveUp).toBe('backlog');
        else expect(giveUp).toBe(over(how.attempts, how.triedForMs) ? 'event' : 'nothing');
      }),
    );
  });

  test('three days are time for enough tries, with the longest waits', () => {
    let [ms, tries] = [0, 0];
    while (ms < askAgainForMs)
      ms += afterFailure({ ...once, attempts: ++tries, failures: tries }, 0.999).retryMs;
    expect(tries).toBeGreaterThan(leastAttempts * 5);
  });
});
