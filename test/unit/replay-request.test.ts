import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { freezeRange, rangeIsEmpty } from '../../src/core/replay-range.ts';
import { ReplayRequest } from '../../src/core/replay-request.ts';

const destinationId = '6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e';
const now = Date.parse('2026-11-22T09:30:00.000Z');
const parsed = (more: object) => ReplayRequest.parse({ destinationId, ...more });

describe('a request', () => {
  test('has its defaults filled in', () => {
    expect(parsed({})).toEqual({
      destinationId,
      range: { by: 'received' },
      mode: 'missing',
      newIds: false,
      pace: {},
      order: 'user',
    });
  });

  test('sends with new ids when it sends everything, unless it says otherwise', () => {
    expect(parsed({ mode: 'all' }).newIds).toBe(true);
    expect(parsed({ mode: 'all', newIds: false }).newIds).toBe(false);
    expect(parsed({ mode: 'missing', newIds: true }).newIds).toBe(true);
  });

  test('has a canary of some events only, which waits for approval unless it says otherwise', () => {
    expect(parsed({ canary: { events: 100 } }).canary).toEqual({ events: 100, then: 'approve' });
    expect(parsed({ canary: { events: 1, then: 'continue' } }).canary?.then).toBe('continue');
    for (const canary of [
      {},
      { events: 0 },
      { events: 1_000_001 },
      { events: 1.5 },
      { events: 1, then: 'stop' },
    ]) {
      expect(ReplayRequest.safeParse({ destinationId, canary }).success).toBe(false);
    }
  });

  test('that was frozen and stored parses as itself', () => {
    const asked = parsed({
      range: { from: '30d', to: '2026-11-01T00:00:00+02:00' },
      filter: { users: ['a\0'] },
      canary: { events: 5 },
    });
    const frozen = { ...asked, range: freezeRange(asked.range, now) };
    expect(ReplayRequest.parse(JSON.parse(JSON.stringify(frozen)))).toEqual(frozen);
  });

  test.each([
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    '2026-01-01',
    '2026-01-01T00:00:00',
    '30 d',
    '1y',
    '-1d',
  ])('does not take %s as a time', (from) =>
    expect(ReplayRequest.safeParse({ destinationId, range: { from } }).success).toBe(false),
  );
});

describe('a range', () => {
  test.each([
    ['0m', '2026-11-22T09:30:00.000Z'],
    ['90m', '2026-11-22T08:00:00.000Z'],
    ['12h', '2026-11-21T21:30:00.000Z'],
    ['30d', '2026-10-23T09:30:00.000Z'],
    ['4w', '2026-10-25T09:30:00.000Z'],
    ['2026-10-14T04:00:00+02:00', '2026-10-14T02:00:00.000Z'],
  ])('from %s is frozen to %s', (from, frozen) => {
    expect(freezeRange({ by: 'event', from }, now)).toEqual({ by: 'event', from: frozen });
  });

  test('once frozen does not move with the clock', () => {
    fc.assert(
      fc.property(fc.nat(99_999), fc.constantFrom('m', 'h', 'd', 'w'), fc.nat(), (count, unit, later) => {
        const once = freezeRange({ by: 'received', from: `${count}${unit}` }, now);
        expect(freezeRange(once, now + later)).toEqual(once);
      }),
    );
  });

  test('of positions includes both ends, one of times leaves its end out', () => {
    expect(rangeIsEmpty({ by: 'position', from: 5, to: 5 })).toBe(false);
    expect(rangeIsEmpty({ by: 'position', from: 6, to: 5 })).toBe(true);
    const moment = '2026-10-14T02:00:00.000Z';
    expect(rangeIsEmpty({ by: 'received', from: moment, to: moment })).toBe(true);
    expect(rangeIsEmpty({ by: 'received', from: moment, to: '2026-10-14T02:00:00.001Z' })).toBe(false);
    expect(rangeIsEmpty({ by: 'event', to: moment })).toBe(false);
  });
});
