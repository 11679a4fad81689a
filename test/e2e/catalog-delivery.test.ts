import { expect, test } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import { openScene } from '../support/scene.ts';
import { basic, send } from '../support/tracking.ts';

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
  const again = await scene.ended((await scene.replay(made.body.id)).id);
  expect(again).toMatchObject({ status: 'completed', counts: { selected: 16, delivered: 0 } });
});

interface Sent {
  readonly messageId: string;
}
const idsIn = (requests: readonly { readonly body: string }[]) =>
  requests.flatMap(({ body }) =>
    (JSON.parse(body) as { batch: Sent[] }).batch.map(({ messageId }) => messageId),
  );
