import { expect, test } from 'vitest';
import { setReplayDesired } from '../../src/db/replays.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';

const db = await testDatabase();
const api = await testApi(db);

async function ask(more: Record<string, unknown> = {}) {
  const settings = { url: 'https://example.com/events' };
  const made = await api.call('POST', '/api/destinations', { type: 'webhook', name: 'Warehouse', settings });
  return await api.call('POST', '/api/replays', { destinationId: made.body.id as string, ...more });
}
const steer = (id: string, verb: string) => api.call('POST', `/api/replays/${id}/${verb}`);
// As the engine stops a replay by itself.
const stopped = (id: string, reason: string) => setReplayDesired(db, id, 'paused', reason);

test.each(['canary', 'canary_failed'])('resuming behind the canary (%s) approves it', async (reason) => {
  const made = await ask({ canary: { events: 2 } });
  const canary = { events: 2, then: 'approve', passed: false };
  expect(made.body).toMatchObject({ canary, request: { canary: { events: 2, then: 'approve' } } });
  const { id } = made.body;
  await steer(id, 'pause');
  expect((await steer(id, 'resume')).body.canary.passed).toBe(false);
  await stopped(id, reason);
  const paused = await steer(id, 'pause');
  expect(paused.body).toMatchObject({ status: 'paused', statusReason: reason, canary: { passed: false } });
  const resumed = await steer(id, 'resume');
  expect(resumed.body).toMatchObject({ status: 'running', canary: { passed: true }, brakesReleased: [] });
  await steer(id, 'pause');
  expect((await steer(id, 'resume')).body.canary.passed).toBe(true);
});

test('resuming behind a brake releases that brake, once, and no other', async () => {
  const { id } = (await ask()).body;
  const brakes = ['error_rate', 'repeated_error: http_400', 'destination_refuses: http_403', 'unauthorized'];
  for (const reason of [...brakes, 'error_rate', 'destination_disabled', 'for_lunch']) {
    await stopped(id, reason);
    expect((await steer(id, 'pause')).body.statusReason).toBe(reason);
    await steer(id, 'resume');
  }
  const { body } = await api.call('GET', `/api/replays/${id}`);
  expect(body).toMatchObject({ canary: null, brakesReleased: brakes, statusReason: null });
});

test('a cancelled replay has nothing approved', async () => {
  const { id } = (await ask({ canary: { events: 2 } })).body;
  await stopped(id, 'canary');
  expect((await steer(id, 'cancel')).body.canary.passed).toBe(false);
  expect((await steer(id, 'resume')).status).toBe(409);
  expect((await api.call('GET', `/api/replays/${id}`)).body.canary.passed).toBe(false);
});
