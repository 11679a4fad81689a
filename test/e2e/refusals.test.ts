import { beforeEach, expect, test } from 'vitest';
import { flawless, judge } from '../support/checker.ts';
import { openScene } from '../support/scene.ts';
import type { Sink } from '../support/sink.ts';
import { until } from '../support/until.ts';

const events = 1_000;
const poisonEvery = 40;
const poisons = events / poisonEvery;

const scene = await openScene();
const acknowledged = await scene.archive(events, { poisonEvery });
let sink: Sink;
let destinationId: string;

beforeEach(async () => {
  sink = await scene.newSink();
  destinationId = await scene.connect(sink);
});

test('events that are refused become dead letters with the last answer, and can be sent again', async () => {
  await sink.become({ refuse: { status: 400, names: ['Poison'] } });
  const replay = await scene.replay(destinationId);
  const ended = await scene.ended(replay.id);
  expect(ended).toMatchObject({
    status: 'completed_with_failures',
    counts: { delivered: events - poisons, dead: poisons, remaining: 0 },
  });
  const { body: told } = await scene.product.call('GET', `/api/replays/${replay.id}`);
  expect(told.samples.delivered).toHaveLength(5);
  expect(told.samples.delivered[0].message).toMatch(/^200 OK in \d+ ms/);
  const { body } = await scene.product.call('GET', `/api/dead-letters?replayId=${replay.id}&limit=200`);
  expect(body.data).toHaveLength(poisons);
  for (const letter of body.data) {
    expect(letter).toMatchObject({
      destinationId,
      replayId: replay.id,
      errorClass: 'http_400',
      failure: {
        status: 400,
        request: { url: sink.url, headers: { 'webhook-signature': '[secret]' }, deliveries: 1 },
        response: { body: '{"error":"no to Poison"}' },
      },
      event: { type: 'track', name: 'Poison' },
      retriedBy: null,
    });
  }
  const poisonous = acknowledged.filter(({ event }) => event['event'] === 'Poison');
  const dead = body.data.map(({ event }: { event: { messageId: string } }) => event.messageId);
  expect(dead.sort()).toEqual(poisonous.map(({ messageId }) => messageId).sort());
  expect(judge([acknowledged], sink.lines())).toEqual({
    ...flawless,
    lost: poisonous.map(({ messageId }) => messageId),
  });

  await sink.become({});
  const retry = await scene.product.call('POST', `/api/replays/${replay.id}/retry-failed`);
  expect(retry).toMatchObject({ status: 201, body: { parentId: replay.id } });
  const again = await scene.ended(retry.body.id);
  expect(again).toMatchObject({ status: 'completed', counts: { selected: poisons, delivered: poisons } });
  const open = await scene.product.call('GET', `/api/dead-letters?destinationId=${destinationId}&open=true`);
  expect(open.body.data).toEqual([]);
  expect({ ...judge([acknowledged], sink.lines()), outOfOrder: [] }).toEqual(flawless);
});

test('410 disables the destination and says so', async () => {
  const replay = await scene.replay(destinationId, { pace: { eventsPerSecond: 200 } });
  await arrived(100);
  await sink.become({ refuse: { status: 410 } });
  const disabled = await until(
    'it is disabled',
    () => scene.product.call('GET', `/api/destinations/${destinationId}`),
    ({ body }) => body.enabled === false,
  );
  expect(disabled.body).toMatchObject({ disabledReason: 'gone' });
  const paused = await scene.readUntil(replay.id, 'it is paused', ({ status }) => status === 'paused');
  expect(paused).toMatchObject({ statusReason: 'destination_disabled', counts: { dead: 0 } });
  expect(paused.counts.remaining).toBeGreaterThan(0);
  await scene.product.call('POST', `/api/replays/${replay.id}/cancel`);
  const refused = await scene.product.call('POST', '/api/replays', { destinationId });
  expect(refused).toMatchObject({ status: 409, body: { code: 'destination_disabled' } });
});

async function arrived(count: number): Promise<void> {
  await until(
    `${count} have arrived`,
    () => sink.state(),
    ({ answered }) => answered >= count,
  );
}
