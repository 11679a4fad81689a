import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isExhausted, ladderDelayMs, maxBehind, retryForMs, setAsideDelayMs } from '../../src/core/retry.ts';

const anyChance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const hour = 3_600_000;

it('waits 0.2 s at first and never more than 10 s within a slice, with a fifth of jitter', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), anyChance, (tries, random) => {
      const delay = ladderDelayMs(tries, random);
      expect(delay).toBeGreaterThanOrEqual(160);
      expect(delay).toBeLessThanOrEqual(10_000);
    }),
  );
  expect(ladderDelayMs(1, 0)).toBeCloseTo(160);
  expect(ladderDelayMs(1, 0.5)).toBeCloseTo(200);
  expect(ladderDelayMs(1, 0.999_999)).toBeLessThanOrEqual(240);
  expect(ladderDelayMs(4, 0.5)).toBe(10_000);
});

it('grows with each try and each round until it is at its longest', () => {
  for (const delayOf of [ladderDelayMs, setAsideDelayMs]) {
    for (let step = 1; step < 30; step++) {
      expect(delayOf(step + 1, 0.3)).toBeGreaterThanOrEqual(delayOf(step, 0.3));
    }
  }
});

it('retries what was set aside within 15 s at first, within half an hour at last', () => {
  fc.assert(
    fc.property(anyChance, fc.integer({ min: 0, max: 40 }), (random, rounds) => {
      expect(setAsideDelayMs(0, random)).toBeLessThanOrEqual(15_000);
      expect(setAsideDelayMs(rounds, random)).toBeLessThanOrEqual(30 * 60_000);
    }),
  );
  expect(setAsideDelayMs(40, 0)).toBe(30 * 60_000);
});

/** A delivery that always fails, without gaps. @returns its age and rounds each time it has been tried enough for now */
function* lifeOf(params: {
  tryMs: number;
  random: () => number;
}): Generator<{ ageMs: number; rounds: number }> {
  for (let [ageMs, rounds] = [params.tryMs, 0]; ; rounds++) {
    yield { ageMs, rounds };
    ageMs += setAsideDelayMs(rounds, params.random()) + params.tryMs;
  }
}

it('lets the four hours alone decide while nothing keeps a delivery from being tried', () => {
  // From tries that are refused at once to those that each take until a timeout.
  const anyTryMs = fc.integer({ min: 0, max: 120_000 });
  const anyJitter = fc.oneof(fc.constantFrom([0], [0.999_999]), fc.array(anyChance, { minLength: 1 }));
  fc.assert(
    fc.property(anyTryMs, anyJitter, (tryMs, jitter) => {
      let at = 0;
      for (const { ageMs, rounds } of lifeOf({ tryMs, random: () => jitter[at++ % jitter.length]! })) {
        expect(isExhausted(ageMs, rounds, 0)).toBe(ageMs >= retryForMs);
        if (ageMs >= retryForMs) return;
      }
    }),
  );
});

it('gives up after four hours and thirteen rounds or with more than ten thousand behind, at no other time', () => {
  expect(isExhausted(4 * hour - 1, 99, 0)).toBe(false);
  expect(isExhausted(4 * hour, 13, 0)).toBe(true);
  expect(isExhausted(99 * hour, 12, 0)).toBe(false);
  expect(isExhausted(0, 0, maxBehind)).toBe(false);
  expect(isExhausted(0, 0, 10_001)).toBe(true);
});
