import { expect, test } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import { openScene } from '../support/scene.ts';
import { basic, send } from '../support/tracking.ts';
import { until } from '../support/until.ts';

const scene = await openScene();

/** Three users, each identified before what he does. */
const events = [1, 2, 3].flatMap((user) => [
  { type: 'identify', userId: `u${user}`, messageId: `i${user}`, traits: { plan: 'gold' } },
  ...[1, 2, 3, 4].map((n) => ({
    type: 'track',
    event: n === 4 ? 'Left' : 'Ordered',
    userId: `u${user}`,
    messageId: `t${user}-${n}`,
    timestamp: `2026-01-0${n}T00:00:00.000Z`,
  })),
]);

async function post(batch: readonly object[]): Promise<void> {
  const { product } = scene;
  const [source] = (await product.call('GET', '/api/sources')).body.data;
  const headers = { authorization: basic(source.writeKey) };
  const answer = await send(`${product.apiUrl}/v1/batch`, { headers, body: JSON.stringify({ batch }) });
  expect(answer.status).toBe(200);
}

test('a destination of the catalog gets the past by a replay and what comes in from its stream, as its definition writes it', async () => {
  await post(events);
  const receiver = await startReceiver((_, response) => response.end('{"accepted":1}'));
  const made = await scene.product.call('POST', '/api/destinations', {
    type: 'actions-klime',
    name: 'Klime',
    settings: { apiEndpoint: receiver.url, writeKey: 'klime-key-7c2e' },
    actions: [{ action: 'track', trigger: 'type = "track" and event != "Left"' }, { action: 'identify' }],
  });
  expect(made.body).toMatchObject({ type: 'actions-klime' });
  const ended = await scene.ended((await scene.replay(made.body.id)).id);
  expect(ended).toMatchObject({ status: 'completed', counts: { selected: 15, delivered: 12, filtered: 3 } });

  await post([{ type: 'track', event: 'Ordered', userId: 'u9', messageId: 'live' }]);
  await expect.poll(() => idsIn(receiver.requests), { timeout: 30_000 }).toContain('live');
  const wanted = events.filter((event) => !('event' in event) || event.event !== 'Left');
  expect(idsIn(receiver.requests).toSorted()).toEqual(
    [...wanted.map((event) => event.messageId), 'live'].toSorted(),
  );
  for (const request of receiver.requests)
    expect(request.headers).toMatchObject({ 'user-agent': /^reprise\// });

  // Each user was identified before his first order arrived.
  const ids = idsIn(receiver.requests);
  for (const user of [1, 2, 3]) expect(ids.indexOf(`i${user}`)).toBeLessThan(ids.indexOf(`t${user}-1`));
  // Arrived is not written down yet, and what the stream may still send is none of a replay's.
  const cursor = async () =>
    (await scene.product.call('GET', `/api/destinations/${made.body.id}`)).body.stream.cursor
      .position as number;
  await until('the stream has written down what it sent', cursor, (position) => position >= 16);
  const again = await scene.ended((await scene.replay(made.body.id)).id);
  expect(again).toMatchObject({ status: 'completed', counts: { selected: 16, delivered: 0 } });
});

test('an event that names an address where nothing may be sent holds up nobody, and ends as a dead letter', async () => {
  const receiver = await startReceiver();
  const made = await scene.product.call('POST', '/api/destinations', {
    type: 'actions-webhook',
    name: 'Addresses of events',
    settings: {},
    actions: [
      {
        action: 'send',
        trigger: 'type = "track" and event = "Call"',
        mapping: {
          url: { '@path': '$.properties.to' },
          method: 'POST',
          data: { '@path': '$.' },
          batch_size: 1,
        },
      },
    ],
  });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  const call = (user: string, to: string) => ({
    type: 'track',
    event: 'Call',
    userId: user,
    messageId: `call-${user}`,
    properties: { to },
  });
  const bad = ['http://169.254.169.254/', 'file:///etc/passwd'].map((to, n) => call(`bad${n}`, to));
  await post([call('good1', receiver.url), ...bad, call('good2', receiver.url)]);
  await until(
    'the good ones have arrived',
    () => receiver.requests.length,
    (count) => count === 2,
  );
  await post([call('good3', receiver.url)]);
  const letters = () => scene.product.call('GET', `/api/dead-letters?destinationId=${made.body.id}`);
  const dead = await until('the bad ones are given up on', letters, ({ body }) => body.data.length === 2);
  expect(new Set((dead.body.data as { errorClass: string }[]).map(({ errorClass }) => errorClass))).toEqual(
    new Set(['egress_refused']),
  );
  const stream = async () =>
    (await scene.product.call('GET', `/api/destinations/${made.body.id}`)).body.stream;
  await until('nothing holds its stream', stream, ({ statusReason }) => statusReason === null);
  expect(receiver.requests).toHaveLength(3);
});

interface Sent {
  readonly messageId: string;
}
const idsIn = (requests: readonly { readonly body: string }[]) =>
  requests.flatMap(({ body }) =>
    (JSON.parse(body) as { batch: Sent[] }).batch.map(({ messageId }) => messageId),
  );
