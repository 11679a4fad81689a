import { expect, test } from 'vitest';
import { Ledger } from '../../src/dev/demo-destination/ledger.ts';
import { receiptsOf, type Receipt } from '../../src/dev/demo-destination/receipt.ts';

const at = Date.parse('2026-11-24T12:00:00Z');
const receipt = (more: Partial<Receipt>): Receipt => ({
  atMs: at,
  id: 'a',
  user: 'u-1',
  orderMs: 1,
  type: 'track',
  name: 'Order Completed',
  ...more,
});
const body = (value: unknown) => Buffer.from(JSON.stringify(value));

test('the same delivery again is a duplicate, and nothing else', () => {
  const ledger = new Ledger();
  expect(ledger.take(receipt({ id: 'a', orderMs: 5 }))).toBe('new');
  expect(ledger.take(receipt({ id: 'b', orderMs: 6 }))).toBe('new');
  expect(ledger.take(receipt({ id: 'a', orderMs: 5 }))).toBe('duplicate');
  expect(ledger.stats(at)).toMatchObject({ received: 3, unique: 2, duplicates: 1, outOfOrder: 0, users: 1 });
});

test('an earlier event of the same user is out of order; of another user it is not', () => {
  const ledger = new Ledger();
  ledger.take(receipt({ id: 'a', orderMs: 5 }));
  expect(ledger.take(receipt({ id: 'b', orderMs: 5 }))).toBe('new');
  expect(ledger.take(receipt({ id: 'c', orderMs: 4 }))).toBe('outOfOrder');
  expect(ledger.take(receipt({ id: 'd', orderMs: 4, user: 'u-2' }))).toBe('new');
  expect(ledger.take(receipt({ id: 'e', orderMs: 3, user: null }))).toBe('new');
  expect(ledger.take(receipt({ id: 'f', orderMs: null }))).toBe('new');
  expect(ledger.take(receipt({ id: 'g', orderMs: 6 }))).toBe('new');
});

test('arrivals are counted per second for a minute', () => {
  const ledger = new Ledger();
  for (let index = 0; index < 7; index += 1) ledger.take(receipt({ id: `${index}` }));
  ledger.take(receipt({ id: 'later', atMs: at + 3_000 }));
  const { perSecond } = ledger.stats(at + 3_500);
  expect(perSecond).toHaveLength(60);
  expect(perSecond.slice(-4)).toEqual([7, 0, 0, 1]);
  expect(ledger.stats(at + 120_000).perSecond.every((count) => count === 0)).toBe(true);
});

test('the last arrivals are shown, newest first, and not for ever', () => {
  const ledger = new Ledger();
  for (let index = 0; index < 100; index += 1) ledger.take(receipt({ id: `${index}` }));
  const { last } = ledger.stats(at);
  expect(last).toHaveLength(25);
  expect(last[0]?.id).toBe('99');
});

test('an event is known by its delivery, in a batch by its messageId', () => {
  const event = { type: 'track', event: 'Order Completed', userId: 'u-1', messageId: 'm-1' };
  expect(receiptsOf(body(event), 'msg_1', at)?.[0]?.id).toBe('msg_1');
  expect(receiptsOf(body([event]), 'msg_1', at)?.[0]?.id).toBe('m-1');
  expect(receiptsOf(body(event), undefined, at)?.[0]?.id).toBe('m-1');
});

test('order goes by arrival at the sender, else by the time of the event; ids by user, else by device', () => {
  const event = {
    type: 'page',
    name: 'Home',
    anonymousId: 'd-1',
    receivedAt: '2026-11-01T00:00:01.000Z',
    timestamp: '2026-11-01T00:00:00.000Z',
  };
  expect(receiptsOf(body(event), 'x', at)).toEqual([
    { atMs: at, id: 'x', user: 'd-1', orderMs: Date.parse(event.receivedAt), type: 'page', name: 'Home' },
  ]);
  const { receivedAt: _, ...bare } = event;
  expect(receiptsOf(body({ ...bare, userId: 'u-1' }), 'x', at)?.[0]).toMatchObject({
    user: 'u-1',
    orderMs: Date.parse(event.timestamp),
  });
});

test.each(['', 'no json', '17', '"text"', '[1]', 'null'])(
  'a body that is no event is refused: %s',
  (text) => {
    expect(receiptsOf(Buffer.from(text), 'x', at)).toBeNull();
  },
);
