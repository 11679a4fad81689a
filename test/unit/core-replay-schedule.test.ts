import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  openingAt,
  paceIn,
  weekDays,
  type Schedule,
  type ScheduleWindow,
} from '../../src/core/replay-schedule.ts';
import { firstReached, wallClockOf } from '../../src/core/time-zone.ts';

const minute = 60_000;
const hour = 60 * minute;
const at = Date.parse;
const on = (timeZone: string, ...windows: ScheduleWindow[]): Schedule => ({ timeZone, windows });
const nights = on('Europe/Berlin', { from: '22:00', to: '06:00' });

/** A schedule's borders in a stretch of time, as it tells them itself. */
function borders(schedule: Schedule, from: string, to: string): string[] {
  const found: string[] = [];
  for (let now = at(from); now < at(to);) {
    const opening = openingAt(schedule, now);
    const next = opening.kind === 'open' ? opening.closesAt : opening.opensAt;
    if (next === null) break;
    now = next;
    if (now < at(to))
      found.push(`${opening.kind === 'open' ? 'closes' : 'opens'} ${new Date(now).toISOString()}`);
  }
  return found;
}

describe('a window of the day', () => {
  test('goes over midnight, by the clock of its zone, summer and winter', () => {
    expect(borders(nights, '2026-07-01T12:00:00Z', '2026-07-02T12:00:00Z')).toEqual([
      'opens 2026-07-01T20:00:00.000Z',
      'closes 2026-07-02T04:00:00.000Z',
    ]);
    expect(borders(nights, '2026-01-01T12:00:00Z', '2026-01-02T12:00:00Z')).toEqual([
      'opens 2026-01-01T21:00:00.000Z',
      'closes 2026-01-02T05:00:00.000Z',
    ]);
  });

  test('is open at its first moment and closed at its last', () => {
    const opens = at('2026-07-01T20:00:00Z');
    expect(openingAt(nights, opens - 1).kind).toBe('closed');
    expect(openingAt(nights, opens)).toMatchObject({
      kind: 'open',
      since: opens,
      closesAt: opens + 8 * hour,
    });
    expect(openingAt(nights, opens + 8 * hour - 1).kind).toBe('open');
    expect(openingAt(nights, opens + 8 * hour).kind).toBe('closed');
  });

  test('belongs to the day on which it opens', () => {
    const fridays = on('UTC', { from: '22:00', to: '06:00', days: ['fri'] });
    expect(borders(fridays, '2026-11-22T00:00:00Z', '2026-12-06T00:00:00Z')).toEqual([
      'opens 2026-11-27T22:00:00.000Z',
      'closes 2026-11-28T06:00:00.000Z',
      'opens 2026-12-04T22:00:00.000Z',
      'closes 2026-12-05T06:00:00.000Z',
    ]);
  });
});

describe('daylight saving', () => {
  // Berlin, 29 March 2026: 02:00 becomes 03:00. 25 October 2026: 03:00 becomes 02:00.
  const opensOn = (day: string, from: string, to: string) =>
    borders(on('Europe/Berlin', { from, to }), `${day}T00:00:00Z`, `${day}T12:00:00Z`);

  test('what begins in the skipped hour begins where the clock jumps; what lies in it does not open', () => {
    expect(opensOn('2026-03-29', '02:30', '04:00')).toEqual([
      'opens 2026-03-29T01:00:00.000Z',
      'closes 2026-03-29T02:00:00.000Z',
    ]);
    expect(opensOn('2026-03-29', '02:15', '02:45')).toEqual([]);
  });

  test('an hour that comes twice opens and closes once, the first time', () => {
    expect(opensOn('2026-10-25', '02:15', '02:45')).toEqual([
      'opens 2026-10-25T00:15:00.000Z',
      'closes 2026-10-25T00:45:00.000Z',
    ]);
    expect(opensOn('2026-10-25', '02:30', '03:30')).toEqual([
      'opens 2026-10-25T00:30:00.000Z',
      'closes 2026-10-25T02:30:00.000Z', // two hours by the watch
    ]);
  });

  test('a day that a zone leaves out has no window', () => {
    // Samoa went from 29 to 31 December 2011.
    const noons = on('Pacific/Apia', { from: '11:00', to: '13:00' });
    const days = borders(noons, '2011-12-29T00:00:00Z', '2011-12-31T12:00:00Z').filter((one) =>
      one.startsWith('opens'),
    );
    expect(days).toEqual(['opens 2011-12-29T21:00:00.000Z', 'opens 2011-12-30T21:00:00.000Z']);
  });
});

describe('several windows', () => {
  test('that touch or overlap are open without a gap, and the first of the list tells the pace', () => {
    const schedule = on(
      'UTC',
      { from: '22:00', to: '02:00', eventsPerSecond: 50 },
      { from: '00:00', to: '06:00', eventsPerSecond: 500 },
      { from: '06:00', to: '07:00' },
    );
    const pace = (time: string) =>
      paceIn(openingAt(schedule, at(time)), { eventsPerSecond: 100, maxConcurrent: null }).eventsPerSecond;
    expect(openingAt(schedule, at('2026-07-02T03:00:00Z'))).toMatchObject({
      since: at('2026-07-01T22:00:00Z'),
      closesAt: at('2026-07-02T07:00:00Z'),
    });
    expect(['00:30', '03:00', '06:30'].map((time) => pace(`2026-07-02T${time}:00Z`))).toEqual([50, 100, 100]);
  });

  test('that leave no gap never close', () => {
    const always = on('Europe/Berlin', { from: '00:00', to: '24:00' });
    expect(openingAt(always, at('2026-10-25T00:30:00Z'))).toMatchObject({ kind: 'open', closesAt: null });
    const weekends = on('Europe/Berlin', { from: '00:00', to: '24:00', days: ['sat', 'sun'] });
    expect(borders(weekends, '2026-10-22T00:00:00Z', '2026-10-29T00:00:00Z')).toEqual([
      'opens 2026-10-23T22:00:00.000Z',
      'closes 2026-10-25T23:00:00.000Z',
    ]);
  });
});

const zones = Intl.supportedValuesOf('timeZone');
const someTime = fc.integer({
  min: at('1990-01-01T00:00:00Z') / minute,
  max: at('2060-01-01T00:00:00Z') / minute,
});
const clock = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'));
const window = fc
  .record({
    from: clock,
    to: clock,
    days: fc.option(fc.subarray([...weekDays], { minLength: 1 }), { nil: undefined }),
  })
  .filter(({ from, to }) => from !== to)
  .map(({ days, ...times }): ScheduleWindow => ({ ...times, ...(days !== undefined && { days }) }));

test('the first moment at which a clock shows a time: nothing before it shows as much, in every zone and year', () => {
  fc.assert(
    fc.property(fc.constantFrom(...zones), someTime, (zone, minutes) => {
      const wall = wallClockOf(zone);
      const time = minutes * minute;
      const reached = firstReached(wall, time);
      expect(wall(reached)).toBeGreaterThanOrEqual(time);
      for (let back = 1; back <= 26 * 4; back++)
        expect(wall(reached - back * 15 * minute)).toBeLessThan(time);
      expect(wall(reached - 1_000)).toBeLessThan(time);
    }),
    { numRuns: 150 },
  );
});

test('borders: what holds now holds until the moment that is told, and no longer, in every zone and year', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.array(window, { minLength: 1, maxLength: 3 }),
      someTime,
      fc.double({ min: 0, max: 1, noNaN: true }),
      (zone, windows, minutes, part) => {
        const schedule = on(zone, ...windows);
        const now = minutes * minute;
        const opening = openingAt(schedule, now);
        const border = opening.kind === 'open' ? opening.closesAt : opening.opensAt;
        if (border === null) {
          expect(opening.kind).toBe('open');
          return;
        }
        expect(border).toBeGreaterThan(now);
        const kindAt = (time: number) => openingAt(schedule, time).kind;
        expect(kindAt(border)).not.toBe(opening.kind);
        for (const time of [border - 1, now + Math.floor((border - 1 - now) * part)])
          expect(kindAt(time)).toBe(opening.kind);
        if (opening.kind === 'open') {
          expect(opening.since).toBeLessThanOrEqual(now);
          expect(kindAt(opening.since!)).toBe('open');
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('on a day without a change of the clock it is open exactly while the clock shows a time of the window', () => {
  fc.assert(
    fc.property(fc.constantFrom(...zones), window, someTime, (zone, { from, to }, minutes) => {
      const now = minutes * minute;
      const wall = wallClockOf(zone);
      const offsets = [-36, -24, -12, 0, 12, 24].map(
        (hours) => wall(now + hours * hour) - now - hours * hour,
      );
      fc.pre(new Set(offsets).size === 1);
      const shown = new Date(wall(now)).toISOString().slice(11, 16);
      const isIn = from < to ? from <= shown && shown < to : shown >= from || shown < to;
      expect(openingAt(on(zone, { from, to }), now).kind).toBe(isIn ? 'open' : 'closed');
    }),
    { numRuns: 300 },
  );
});
