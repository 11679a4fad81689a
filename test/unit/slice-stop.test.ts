import { expect, test } from 'vitest';
import { SliceStop } from '../../src/core/slice-stop.ts';

const drainMs = 8_000;
const stopAt = (endsAt: number) => new SliceStop(endsAt);

test('it goes on until its time is over, and closes at once where nothing is slow', () => {
  const stop = stopAt(1_000);
  expect(stop.goesOn(999, 0)).toBe(true);
  expect(stop.goesOn(1_000, 1)).toBe(false);
  expect(stop.kind).toBe('more');
});

test('while something is slow it goes on, for the sake of the others, but not for ever', () => {
  const stop = stopAt(1_000);
  expect(stop.goesOn(2_000, 1_000)).toBe(true);
  expect(stop.goesOn(2_000, 1_001)).toBe(false);
  const patient = stopAt(1_000);
  expect(patient.goesOn(30_999, 0)).toBe(true);
  expect(patient.goesOn(31_000, 0)).toBe(false);
});

test('its own time cuts nothing off, however long that takes', () => {
  const stop = stopAt(0);
  expect(stop.goesOn(0, null)).toBe(false);
  expect(stop.end(1e9, true, drainMs)).toBeNull();
  expect(stop.end(1e9, false, drainMs)).toBe('more');
});

test.each([0, 500_000])('who waits for it waits no longer than the drain (own time over at %i)', (endsAt) => {
  const stop = stopAt(endsAt);
  stop.goesOn(100, 0);
  expect(stop.hurry('stopped', 1_000)).toBe(true);
  expect(stop.hurry('more', 5_000)).toBe(false);
  expect(stop.end(8_999, true, drainMs)).toBeNull();
  expect(stop.end(9_000, true, drainMs)).toBe(endsAt === 0 ? 'more' : 'stopped');
});
