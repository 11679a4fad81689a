import { expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { openStreamRun } from '../../src/db/streams.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, trackEvent } from '../support/events.ts';

const db = await testDatabase();
const api = await testApi(db);

test('a new account begins a new stretch of the stream, and only when no replay sends to the old one', async () => {
  const made = await api.call('POST', '/api/destinations', {
    type: 'webhook',
    name: 'Warehouse',
    settings: { url: 'https://example.com/events' },
  });
  const { id } = made.body;
  const path = `/api/destinations/${id}`;
  const source = await newSource(db);
  await appendEvents(db, [trackEvent(source)]);
  const before = (await openStreamRun(db, id))!;
  const replay = await api.call('POST', '/api/replays', { destinationId: id });

  const refused = await api.call('PATCH', path, { newAccount: true });
  expect(refused).toMatchObject({ status: 409, body: { code: 'replay_running', replayId: replay.body.id } });
  expect((await openStreamRun(db, id))!.id).toBe(before.id);

  await api.call('POST', `/api/replays/${replay.body.id}/cancel`);
  const url = 'https://example.com/other';
  expect((await api.call('PATCH', path, { settings: { url }, newAccount: true })).status).toBe(200);
  const after = (await openStreamRun(db, id))!;
  expect(after.id).not.toBe(before.id);
  expect(after.number).toBeGreaterThan(before.number);
});
