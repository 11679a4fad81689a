import { describe, expect, it } from 'vitest';
import { retryAfterMs } from '../../src/destinations/retry-after.ts';

const now = Date.UTC(2026, 7, 20, 12, 0, 0);
const hour = 3_600_000;

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['1', 1_000],
    ['120', 120_000],
    [' 5 ', 5_000],
    ['1.5', 1_500],
    ['0.0001', 1],
    ['3600', hour],
    ['3601', hour],
    ['99999999999999999999999', hour],
    ['9'.repeat(400), hour],
    ['Thu, 20 Aug 2026 12:00:30 GMT', 30_000],
    ['Thursday, 20-Aug-26 12:00:30 GMT', 30_000],
    ['Thu Aug 20 12:00:30 2026', 30_000],
    ['Thu, 20 Aug 2026 11:00:00 GMT', 0],
    ['Fri, 20 Aug 2027 12:00:00 GMT', hour],
  ])('%s is %d ms', (value, expected) => {
    expect(retryAfterMs(value, undefined, now)).toBe(expected);
  });

  it.each([
    undefined,
    '',
    '-1',
    '-0',
    '+5',
    '1e3',
    '0x10',
    'soon',
    'in 5 minutes',
    '5;q=1',
    '1,5',
    'NaN',
    'Infinity',
    '2026-08-20T12:00:30Z',
    'Thu, 20 Xyz 2026 12:00:30 GMT',
    'Thu, 99 Aug 2026 12:00:30 GMT',
  ])('%s is not usable', (value) => {
    expect(retryAfterMs(value, undefined, now)).toBeNull();
  });

  it("reads a date against the answer's own clock", () => {
    const date = 'Thu, 20 Aug 2026 17:00:00 GMT';
    expect(retryAfterMs('Thu, 20 Aug 2026 17:00:20 GMT', date, now)).toBe(20_000);
  });

  it("reads it against this process's clock when the answer's date is no date", () => {
    expect(retryAfterMs('Thu, 20 Aug 2026 12:00:20 GMT', 'yesterday', now)).toBe(20_000);
  });
});
