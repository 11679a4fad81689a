import { expect, test } from 'vitest';
import { openScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const scene = await openScene();
const past = 6_000;
const users = 20;
const person = 'user-3';
/** Requests that may have been under way when the answer was given: those of a stream and of a replay. */
const inFlight = 32;

test('a person is forgotten while a stream and a replay run through two workers, and the API is killed in the middle', async () => {
  const sink = await scene.newSink();
  const client = scene.client();
  await client.send(past, { users });
  await sink.become({ delayMs: 4 });
  const destinationId = await scene.connect(sink);
  const replay = await scene.replay(destinationId, { pace: { lanes: 2 } });
  const sending = client.send(600, { batch: 20, users });
  await until(
    'both are under way',
    () => sink.lines(),
    (lines) => lines.length > 500,
  );

  const asked = await scene.product.call('POST', '/api/deletions', { userId: person });
  const answeredAt = Date.now();
  const killed = scene.product.processes()['api']!;
  process.kill(killed, 'SIGKILL');
  expect(asked, JSON.stringify(asked.body)).toMatchObject({ status: 201, body: { status: 'running' } });
  const isServed = async () => (await fetch(`${scene.product.apiUrl}/readyz`).catch(() => null))?.ok === true;
  await until('another API serves', isServed, Boolean);
  await sending.catch(() => undefined); // what the killed API had in its hands is sent again or not: both are right
  const ended = await scene.ended(replay.id);
  const { id } = asked.body as { id: string };
  const path = `/api/deletions/${id}`;
  const read = async () => (await scene.product.call('GET', path)).body as Record<string, unknown>;
  const done = await until('all is deleted', read, ({ status }) => status === 'completed', {
    deadlineMs: 120_000,
  });
  await client.close().catch(() => undefined);

  const late = sink.lines().filter(({ userId, at }) => userId === person && at > answeredAt);
  expect(late.length).toBeLessThanOrEqual(inFlight);
  const last = Math.max(...sink.lines().map(({ seq }) => seq));
  expect(late.every(({ seq }) => seq < last - 100)).toBe(true); // and others went on for long after them
  expect(ended.counts['suppressed']).toBeGreaterThan(0);
  expect(ended.counts.delivered + ended.counts['suppressed']).toBe(past);
  expect(done).toMatchObject({ userId: null, throughPosition: done['scannedTo'] });
  const left = await scene.rows<{ count: string }>(
    `select count(*) from event where raw like '%"' || $1 || '"%' and position <= $2`,
    [person, done['throughPosition']],
  );
  expect(Number(left[0]!.count)).toBe(0);
}, 240_000);
