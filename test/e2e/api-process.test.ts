import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { openStreamRun } from '../../src/db/streams.ts';
import { startApi } from '../support/api-process.ts';
import { adminToken, answered } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { serverSentEvents } from '../support/event-stream.ts';
import { holdLane } from '../support/lease.ts';

const db = await testDatabase();

test('serves admin and tracking API on one port while Temporal is away', async () => {
  const api = await startApi(db.url);
  const source = await api.call('POST', '/api/sources', { name: 'Shop' });
  expect(source.status).toBe(201);
  const event = { type: 'track', event: 'Served', userId: 'u-1', messageId: 'served-1' };
  const body = JSON.stringify({ ...event, writeKey: source.body.writeKey });
  const tracked = await answered(await fetch(`${api.url}/v1/track`, { method: 'POST', body }));
  expect([tracked.status, tracked.body]).toEqual([200, { success: true }]);
  expect((await api.call('GET', '/api/events/served-1')).body).toMatchObject({ name: 'Served' });
  expect((await api.call('GET', '/readyz')).body).toEqual({
    status: 'degraded',
    postgres: 'ok',
    temporal: 'away',
    schema: 'current',
  });
  expect((await answered(await fetch(`${api.url}/nothing`))).body.code).toBe('not_found');
});

test('on SIGTERM a request under way is answered, a watcher is let go, and the process ends with 0', async () => {
  const api = await startApi(db.url);
  const settings = { url: 'https://example.com/events' };
  const { id } = (await api.call('POST', '/api/destinations', { type: 'webhook', name: 'W', settings })).body;
  const replay = (await api.call('POST', '/api/replays', { destinationId: id })).body;
  const headers = { authorization: `Bearer ${adminToken}` };
  const watcher = serverSentEvents(await fetch(`${api.url}/api/replays/${replay.id}/progress`, { headers }));
  await watcher.next();
  const run = await openStreamRun(db, id);
  await holdLane(db, run?.id ?? '');
  const pausing = api.call('POST', `/api/destinations/${id}/pause`); // waits up to 3 s for the holder
  await expect.poll(async () => (await openStreamRun(db, id))?.desired).toBe('paused');
  api.process.kill('SIGTERM');
  expect((await pausing).status).toBe(202);
  for await (const _ of watcher);
  expect(await api.exited).toBe(0);
  await expect(fetch(`${api.url}/healthz`)).rejects.toThrow();
});

test('logs lines of JSON, and neither the token nor a setting', async () => {
  const api = await startApi(db.url);
  const canary = randomBytes(12).toString('hex');
  const settings = { url: 'https://example.com/events', headers: { 'x-key': canary } };
  await api.call('POST', '/api/destinations', { type: 'webhook', name: 'W', settings });
  await api.call('POST', '/api/destinations', {
    type: 'webhook',
    name: 'W',
    settings: { ...settings, x: canary },
  });
  api.process.kill('SIGTERM');
  expect(await api.exited).toBe(0);
  const lines = api.output().trim().split('\n');
  expect(lines.length).toBeGreaterThan(2);
  for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow();
  expect(api.output()).not.toContain(canary);
  expect(api.output()).not.toContain(adminToken);
});

test('says everything that its environment lacks', async () => {
  await expect(startApi(db.url, { REPRISE_ADMIN_TOKEN: 'short', REPRISE_SECRET_KEY: 'x' })).rejects.toThrow(
    /REPRISE_ADMIN_TOKEN: at least 16 characters[\s\S]*REPRISE_SECRET_KEY: expected 32 bytes/,
  );
});
