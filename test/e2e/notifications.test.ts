import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startApi } from '../support/api-process.ts';
import { toldBy } from '../support/notifications.ts';
import { startReceiver } from '../support/receiver.ts';
import { openScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const scene = await openScene();
const secretKey = readFileSync(join(scene.folder, 'data', 'secret-key'), 'utf8').trim();

/** Another API process of the same deployment. */
const anotherApi = () =>
  startApi(scene.product.databaseUrl, {
    REPRISE_SECRET_KEY: secretKey,
    REPRISE_EGRESS_ALLOW: '127.0.0.1',
  });

test('a replay is told of once for each step, although processes are killed and the receiver is down meanwhile', async () => {
  let mood: 'silent' | 'away' | 'well' = 'silent';
  const taken: { id: string; type: string }[] = [];
  const receiver = await startReceiver((request, response) => {
    const { type, data } = toldBy(request, secret);
    if (mood === 'silent') return;
    if (mood === 'away') return void response.destroy();
    taken.push({ id: data.id, type });
    response.end();
  });
  await scene.archive(400);
  const made = await scene.product.call('POST', '/api/notifications', { url: receiver.url });
  expect(made.status).toBe(201);
  const { id, secret } = made.body as { id: string; secret: string };
  const stateOf = async () => (await scene.product.call('GET', `/api/notifications/${id}`)).body;
  const first = await anotherApi();

  const destination = await scene.connect(await scene.newSink());
  const replay = await scene.replay(destination, { pace: { eventsPerSecond: 1 } });
  // One of the two has a request under way, which the receiver has read and not answered.
  await until(
    'it is told of the start',
    () => receiver.requests.length,
    (count) => count > 0,
  );
  const killed = scene.product.processes()['api']!;
  process.kill(killed, 'SIGKILL');
  first.process.kill('SIGKILL');
  const second = await anotherApi();
  await until(
    'the API is back',
    () => scene.product.processes()['api'],
    (pid) => pid !== undefined && pid !== killed,
  );
  const answers = () =>
    fetch(`${scene.product.apiUrl}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until('and answers', answers, Boolean);

  mood = 'away';
  expect((await second.call('POST', `/api/replays/${replay.id}/pause`)).status).toBeLessThan(300);
  await scene.readUntil(replay.id, 'it pauses', ({ status }) => status === 'paused');
  await until('the receiver fails', stateOf, ({ failing }) => failing !== null);
  expect((await second.call('POST', `/api/replays/${replay.id}/resume`)).status).toBeLessThan(300);
  await second.call('PATCH', `/api/replays/${replay.id}`, { pace: { eventsPerSecond: null } });
  await scene.ended(replay.id);
  expect(taken).toEqual([]);

  mood = 'well';
  await until('nothing waits', stateOf, ({ pending }) => pending === 0, { deadlineMs: 120_000 });
  expect(taken.map(({ type }) => type).toSorted()).toEqual([
    'replay.completed',
    'replay.paused',
    'replay.resumed',
    'replay.started',
  ]);
  expect(new Set(taken.map((one) => one.id)).size).toBe(4);
  const sent = receiver.requests.map(({ headers }) => headers['webhook-id']);
  const started = taken.find(({ type }) => type === 'replay.started');
  expect(sent.filter((one) => one === started?.id).length).toBeGreaterThan(1);
  expect(await stateOf()).toMatchObject({ failing: null, givenUp: 0 });
  for (const output of [scene.product.output(), first.output(), second.output()]) {
    expect(output).not.toContain(secret);
  }
});
