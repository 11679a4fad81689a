import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTime, timeOf } from '../../src/core/timestamps.ts';

const iso = (text: unknown) => {
  const moment = parseTime(text);
  return moment === null ? null : new Date(moment).toISOString();
};

test.each([
  ['2026-08-01T12:34:56.789Z', '2026-08-01T12:34:56.789Z'],
  ['2026-08-01T12:34:56Z', '2026-08-01T12:34:56.000Z'],
  ['2026-08-01T12:34:56.123456+00:00', '2026-08-01T12:34:56.123Z'],
  ['2026-08-01T12:34:56.123456789Z', '2026-08-01T12:34:56.123Z'],
  ['2026-08-01T12:34:56.1Z', '2026-08-01T12:34:56.100Z'],
  ['2026-08-01T12:34:56,5Z', '2026-08-01T12:34:56.500Z'],
  ['2026-08-01T12:34:56+05:30', '2026-08-01T07:04:56.000Z'],
  ['2026-08-01T01:00:00+0200', '2026-07-31T23:00:00.000Z'],
  ['2026-08-01T12:34:56-07', '2026-08-01T19:34:56.000Z'],
  ['2026-08-01 12:34:56', '2026-08-01T12:34:56.000Z'],
  ['2026-08-01t12:34z', '2026-08-01T12:34:00.000Z'],
  ['2026-08-01', '2026-08-01T00:00:00.000Z'],
  ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
  ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
  ['2099-12-31T23:59:59.999Z', '2099-12-31T23:59:59.999Z'],
])('reads %s', (text, expected) => {
  expect(iso(text)).toBe(expected);
});

test.each([
  'now',
  '',
  '2026-02-30T00:00:00Z',
  '2026-02-29',
  '2100-02-29T00:00:00Z',
  '2026-04-31T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-00-10T00:00:00Z',
  '2026-01-00T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T12:60:00Z',
  '2026-01-01T12:00:61Z',
  '2026-01-01T12:00:00+24:00',
  '0001-01-01T00:00:00Z',
  '0075-06-01T00:00:00Z',
  '0099-12-31T23:59:59Z',
  '9999-12-31T23:59:59Z',
  '1970-01-01T00:00:00+01:00',
  '2100-01-01T00:00:00Z',
  '20260801T123456Z',
  '2026-8-1',
  'Sat Aug 01 2026 12:34:56 GMT+0000',
  ' 2026-08-01T12:34:56Z',
  '2026-08-01T12:34:56Z\n',
  '1754051696',
  1_754_051_696_000,
  null,
  undefined,
  {},
])('does not take %j for a time', (value) => {
  expect(parseTime(value)).toBeNull();
});

const moments = fc.date({
  min: new Date('1970-01-01T00:00:00.000Z'),
  max: new Date('2099-12-31T23:59:59.999Z'),
  noInvalidDate: true,
});

test('reads every time that JavaScript writes, in any offset', () => {
  fc.assert(
    fc.property(
      moments,
      fc.integer({ min: -23, max: 23 }),
      fc.integer({ min: 0, max: 59 }),
      (moment, hour, minute) => {
        expect(parseTime(moment.toISOString())).toBe(moment.getTime());
        const offset = Math.sign(hour || 1) * (Math.abs(hour) * 60 + minute);
        const local = new Date(moment.getTime() + offset * 60_000);
        fc.pre(local.getUTCFullYear() >= 1970 && local.getUTCFullYear() < 2100);
        const zone = `${offset < 0 ? '-' : '+'}${String(Math.abs(hour)).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
        expect(parseTime(local.toISOString().replace('Z', zone))).toBe(moment.getTime());
      },
    ),
  );
});

test('never takes a text for another day than the one it names', () => {
  const two = (max: number) => fc.integer({ min: 0, max }).map((value) => String(value).padStart(2, '0'));
  fc.assert(
    fc.property(fc.integer({ min: 1970, max: 2099 }), two(13), two(32), (year, month, day) => {
      const text = `${year}-${month}-${day}`;
      const read = iso(text);
      if (read !== null) expect(read.slice(0, 10)).toBe(text);
    }),
  );
});

const receivedAt = new Date('2026-08-01T12:00:00.000Z');
const times = (sent: { timestamp?: unknown; originalTimestamp?: unknown; sentAt?: string }) =>
  timeOf(
    { timestamp: sent.timestamp, originalTimestamp: sent.originalTimestamp },
    sent.sentAt === undefined ? null : new Date(sent.sentAt),
    receivedAt,
  );

test('removes the skew of the sender’s clock', () => {
  const read = times({ timestamp: '2026-08-01T10:58:00.000Z', sentAt: '2026-08-01T11:00:00.000Z' });
  expect(read.timestamp.toISOString()).toBe('2026-08-01T11:58:00.000Z');
  expect(read).toMatchObject({ fromTimestamp: true, asSent: false });
});

test('takes originalTimestamp where there is no timestamp', () => {
  const read = times({ originalTimestamp: '2026-08-01T10:58:00.000Z', sentAt: '2026-08-01T11:00:00.000Z' });
  expect(read.timestamp.toISOString()).toBe('2026-08-01T11:58:00.000Z');
  expect(read).toMatchObject({ fromTimestamp: false, asSent: false });
});

test('does not correct a second time what carries both', () => {
  const read = times({
    timestamp: '2024-01-01T00:00:00.000Z',
    originalTimestamp: '2024-01-01T00:00:05.000Z',
    sentAt: '2024-01-01T00:00:06.000Z',
  });
  expect(read.timestamp.toISOString()).toBe('2024-01-01T00:00:00.000Z');
  expect(read.asSent).toBe(true);
});

test('without sentAt the time stands as it was sent, to the microsecond', () => {
  const read = times({ timestamp: '2026-07-01T00:00:00.123456+00:00' });
  expect(read.timestamp.toISOString()).toBe('2026-07-01T00:00:00.123Z');
  expect(read).toMatchObject({ fromTimestamp: true, asSent: true });
});

test('a form that readers understand differently does not stay', () => {
  expect(times({ timestamp: '2026-07-01 00:00:00' })).toMatchObject({ fromTimestamp: true, asSent: false });
  expect(times({ timestamp: '2026-07-01' })).toMatchObject({ asSent: false });
});

test('an unusable time is the time of arrival', () => {
  for (const timestamp of [undefined, null, 'now', '2026-02-30T00:00:00Z', 5]) {
    const read = times({ timestamp, sentAt: '2026-08-01T11:00:00.000Z' });
    expect(read.timestamp).toEqual(receivedAt);
    expect(read).toMatchObject({ fromTimestamp: false, asSent: false });
  }
  const farOff = times({ timestamp: '2090-01-01T00:00:00Z', sentAt: '1971-01-01T00:00:00Z' });
  expect(farOff.timestamp).toEqual(receivedAt);
});
