import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { demoEvents } from '../../src/dev/demo-data/generate.ts';
import { eventsPerDay } from '../../src/dev/demo-data/rhythm.ts';

interface DemoEvent {
  messageId: string;
  type: string;
  userId?: string;
  anonymousId?: string;
  event?: string;
  properties?: Record<string, unknown>;
  timestamp: string;
  originalTimestamp: string;
  sentAt: string;
  receivedAt: string;
}

const until = new Date('2026-11-24T00:00:00Z');
const total = 50_000;
const lines = [...demoEvents({ total, seed: 42, until })];
const events = lines.map((line) => JSON.parse(line) as DemoEvent);
const day = 86_400_000;
const dayOf = (event: DemoEvent) => Math.floor((Date.parse(event.receivedAt) - until.getTime()) / day) + 90;
const share = (matches: (event: DemoEvent) => boolean) => events.filter(matches).length / events.length;
const named = (name: string) => events.filter(({ event }) => event === name);

test('the same options give the same lines, another seed gives others', () => {
  const hash = (list: Iterable<string>) => {
    const sum = createHash('sha256');
    for (const line of list) sum.update(line);
    return sum.digest('hex');
  };
  expect(hash(demoEvents({ total, seed: 42, until }))).toBe(hash(lines));
  expect(hash(demoEvents({ total, seed: 43, until }))).not.toBe(hash(lines));
});

test.each([1, 10, 999, total])('as many distinct events as asked for: %i', (wanted) => {
  const ids = [...demoEvents({ total: wanted, seed: 42, until })].map(
    (line) => (JSON.parse(line) as DemoEvent).messageId,
  );
  expect(new Set(ids).size).toBe(wanted);
});

test('some lines come twice, the same byte for byte', () => {
  expect(lines.length).toBeGreaterThan(total);
  expect(lines.length).toBeLessThan(total * 1.01);
  expect(new Set(lines).size).toBe(total);
});

test('lines stand in the order of arrival, within the 90 days before the anchor', () => {
  const arrivals = events.map(({ receivedAt }) => receivedAt);
  const early = arrivals.findIndex((arrival, index) => index > 0 && arrival < arrivals[index - 1]!);
  expect(early).toBe(-1);
  expect(Date.parse(arrivals[0]!)).toBeGreaterThanOrEqual(until.getTime() - 90 * day);
  expect(Date.parse(arrivals.at(-1)!)).toBeLessThan(until.getTime());
});

test('every type of the spec is there, and tracks narrow down the funnel', () => {
  expect(new Set(events.map(({ type }) => type))).toEqual(
    new Set(['identify', 'track', 'page', 'screen', 'group', 'alias']),
  );
  const funnel = [
    'Product Viewed',
    'Product Added',
    'Checkout Started',
    'Order Completed',
    'Order Refunded',
  ].map((name) => named(name).length);
  expect(funnel.every((count) => count > 20)).toBe(true);
  expect(funnel).toEqual([...funnel].sort((left, right) => right - left));
});

test('from week 5 on the price has another name', () => {
  const viewed = named('Product Viewed');
  const early = viewed.filter((event) => Date.parse(event.timestamp) < until.getTime() - 62 * day);
  const late = viewed.filter((event) => dayOf(event) > 33); // offline events take up to three days
  expect(early.length).toBeGreaterThan(1_000);
  expect(early.every(({ properties }) => 'price' in properties! && !('unit_price' in properties))).toBe(true);
  expect(late.every(({ properties }) => 'unit_price' in properties! && !('price' in properties))).toBe(true);
});

test('the sale is the peak of the quarter, and Sunday that of the week', () => {
  const counts = eventsPerDay(total, 3);
  expect(counts.reduce((left, right) => left + right, 0)).toBe(total);
  expect(counts.indexOf(Math.max(...counts))).toBe(62);
  const firstWeek = counts.slice(0, 7); // begins on a Wednesday
  expect(firstWeek.indexOf(Math.max(...firstWeek))).toBe(4);
});

test('some events arrive hours or days after they happened', () => {
  const late = share((event) => Date.parse(event.receivedAt) - Date.parse(event.timestamp) > 3_600_000);
  expect(late).toBeGreaterThan(0.005);
  expect(late).toBeLessThan(0.05);
});

test('some clocks are wrong, and the corrected time is right for all', () => {
  const skewed = share(
    (event) => Math.abs(Date.parse(event.sentAt) - Date.parse(event.receivedAt)) > 30 * 60_000,
  );
  expect(skewed).toBeGreaterThan(0.01);
  expect(skewed).toBeLessThan(0.05);
  for (const event of events) {
    const corrected =
      Date.parse(event.receivedAt) - (Date.parse(event.sentAt) - Date.parse(event.originalTimestamp));
    expect(Date.parse(event.timestamp)).toBe(corrected);
  }
});

test('one shopper does far more than any other', () => {
  const counts = new Map<string, number>();
  for (const { userId } of events)
    if (userId !== undefined) counts.set(userId, (counts.get(userId) ?? 0) + 1);
  const [first, second] = [...counts.values()].sort((left, right) => right - left);
  expect(first! / total).toBeGreaterThan(0.015);
  expect(first!).toBeGreaterThan(5 * second!);
});

test('there are strangers, members and members of companies', () => {
  expect(share(({ userId }) => userId === undefined)).toBeGreaterThan(0.2);
  expect(share(({ userId }) => userId !== undefined)).toBeGreaterThan(0.5);
  expect(events.filter(({ type }) => type === 'group').length).toBeGreaterThan(10);
});

test('one event is as large as one may be, all others are small', () => {
  const sizes = [...new Set(lines)]
    .map((line) => Buffer.byteLength(line))
    .sort((left, right) => right - left);
  expect(sizes[0]!).toBeGreaterThan(30_000);
  expect(sizes[0]!).toBeLessThanOrEqual(32 * 1024);
  expect(sizes[1]!).toBeLessThan(8_000);
});

test('texts are of many scripts', () => {
  const text = lines.join('\n');
  for (const sample of ['Müller', '李', 'علي', '🌙', '株式会社', 'Łukasz']) expect(text).toContain(sample);
});
