import { expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { sql } from '../../src/db/sql.ts';
import { createKeyring, seal, settingsPlace } from '../../src/destinations/secrets.ts';
import { workDeletions } from '../../src/api/deletions/work.ts';
import { testApi } from '../support/api.ts';
import { whereNamed } from '../support/canary-person.ts';
import { testDatabase } from '../support/database.ts';
import { newEngine, newReplay, runToEnd, secretKey, type Engine } from '../support/engine.ts';
import { eventOfText } from '../support/events.ts';
import { startReceiver } from '../support/receiver.ts';
import { segmentKey } from '../support/segment-sender.ts';

const db = await testDatabase();
const api = await testApi(db);
const mail = 'secretmail@victim.example';

/** The destination of an engine becomes a tracking API. */
async function asSegment({ destinationId }: Engine, endpoint: string): Promise<void> {
  const settings = { endpoint, writeKey: segmentKey, batchSize: 10 };
  const sealed = seal(settings, settingsPlace(destinationId), createKeyring(secretKey));
  await db.run(
    sql`update destination set type = 'segment', settings_sealed = ${sealed} where id = ${destinationId}`,
  );
}

/** A neighbour's event, one of the person whose id comes after what a kept body holds, and one of another user. */
async function appendNeighbours({ source }: Engine): Promise<void> {
  const pad = 'p'.repeat(20_000);
  const texts = [
    `{"type":"track","event":"Q","messageId":"n-1","userId":"neigh-a","properties":{"poison":true}}`,
    `{"type":"track","event":"Q","messageId":"v-1","properties":{"email":"${mail}","pad":"${pad}"},"userId":"victim-77"}`,
    `{"type":"track","event":"Q","messageId":"n-2","userId":"neigh-b","properties":{}}`,
  ];
  await appendEvents(
    db,
    texts.map((text) => eventOfText(source, text)),
  );
}

async function forgetVictim(): Promise<void> {
  const asked = await api.call('POST', '/api/deletions', { userId: 'victim-77' });
  expect(asked.status).toBe(201);
  await workDeletions(api.deps, 0);
}

test('a dead letter keeps nothing of a deleted person whose event shared its request, wherever the body was cut', async () => {
  const engine = await newEngine(db);
  const receiver = await startReceiver(({ body }, response) => {
    const isBad = body.includes('"poison":true');
    const refusal = '{"errors":[{"index":0,"code":"bad","message":"poison"}]}';
    response.writeHead(isBad ? 400 : 200).end(isBad ? refusal : '{"success":true}');
  });
  await asSegment(engine, receiver.url);
  await appendNeighbours(engine);
  const replay = await newReplay(engine);
  await runToEnd(engine, replay);
  const letters = async () => (await api.call('GET', `/api/dead-letters?replayId=${replay}`)).text;
  expect(await letters()).toContain(mail);
  expect(await letters()).not.toContain('victim-77');
  expect(await letters()).not.toContain('between');

  await forgetVictim();
  expect((await whereNamed(db, mail)).filter((place) => !place.startsWith('suppression'))).toEqual([]);
  expect(await letters()).toContain('neigh-a');
});

test('what was answered to several keeps nothing of one of them who is deleted', async () => {
  const engine = await newEngine(db);
  const receiver = await startReceiver((_, response) => {
    response.end(`taken: ${mail}`);
  });
  await asSegment(engine, receiver.url);
  await appendNeighbours(engine);
  const replay = await newReplay(engine);
  await runToEnd(engine, replay);
  const samples = async () => (await api.call('GET', `/api/replays/${replay}`)).body.samples;
  expect(JSON.stringify(await samples())).toContain(mail);
  expect(JSON.stringify(await samples())).not.toContain('between');

  await forgetVictim();
  expect((await whereNamed(db, mail)).filter((place) => !place.startsWith('suppression'))).toEqual([]);
});
