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

it('retries a delivery at least a dozen times in its four hours', () => {
  let rounds = 0;
  for (let age = 0; age < retryForMs; rounds++) age += setAsideDelayMs(rounds, 0.999);
  expect(rounds).toBeGreaterThanOrEqual(12);
});

it('gives up after four hours or with more than ten thousand behind, at no other time', () => {
  expect(isExhausted(4 * hour - 1, 0)).toBe(false);
  expect(isExhausted(4 * hour, 0)).toBe(true);
  expect(isExhausted(0, maxBehind)).toBe(false);
  expect(isExhausted(0, 10_001)).toBe(true);
});
