import { expect, test } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import { openScene } from '../support/scene.ts';
import { basic, send } from '../support/tracking.ts';

const scene = await openScene({
  REPRISE_DESTINATIONS: new URL('../../examples/destinations', import.meta.url).pathname,
});

const order = (number: number, total: number) => ({
  type: 'track',
  event: 'Order Completed',
  userId: `member-${number % 3}`,
  messageId: `order-${number}`,
  timestamp: `2026-01-0${1 + (number % 9)}T10:00:00.000Z`,
  properties: { total },
});

async function post(batch: readonly object[]): Promise<void> {
  const [source] = (await scene.product.call('GET', '/api/sources')).body.data;
  const headers = { authorization: basic(source.writeKey) };
  const answer = await send(`${scene.product.apiUrl}/v1/batch`, { headers, body: JSON.stringify({ batch }) });
  expect(answer.status).toBe(200);
}

interface Booking {
  readonly order: string;
  readonly points: number;
  readonly bookedAt: string;
}

test('a definition of one’s own gets the past in batches and what comes in, and one event that it refuses alone', async () => {
  await post([
    ...Array.from({ length: 20 }, (_, n) => order(n, 10.7 + n)),
    { type: 'page', userId: 'member-1' },
  ]);
  const receiver = await startReceiver((_, response) => response.end('{}'));
  const made = await scene.product.call('POST', '/api/destinations', {
    type: 'loyalty-club',
    name: 'Club',
    settings: { endpoint: receiver.url, apiKey: 'club-key-51fe' },
  });
  const ended = await scene.ended((await scene.replay(made.body.id)).id);
  expect(ended).toMatchObject({ status: 'completed', counts: { selected: 21, delivered: 20, filtered: 1 } });
  await post([order(21, -5), order(22, 8)]);
  await expect
    .poll(() => bookings(receiver.requests).map((one) => one.order), { timeout: 30_000 })
    .toContain('order-22');

  const booked = bookings(receiver.requests);
  expect(booked.map((one) => one.order).toSorted()).toEqual(
    [...Array.from({ length: 20 }, (_, n) => `order-${n}`), 'order-22'].toSorted(),
  );
  expect(booked.find((one) => one.order === 'order-4')).toMatchObject({
    points: 14,
    bookedAt: '2026-01-05T10:00:00.000Z',
  });
  expect(receiver.requests.length).toBeLessThan(21);
  expect(receiver.requests[0]!.headers['authorization']).toBe('Bearer club-key-51fe');
  const path = `/api/dead-letters?destinationId=${made.body.id}`;
  await expect.poll(async () => (await scene.product.call('GET', path)).body.data).toHaveLength(1);
  const [dead] = (await scene.product.call('GET', path)).body.data;
  expect(JSON.stringify(dead)).toContain('The club books no -5 points');
});

const bookings = (requests: readonly { readonly body: string }[]) =>
  requests.flatMap(({ body }) => JSON.parse(body) as Booking[]);
