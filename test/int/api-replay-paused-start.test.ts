import { beforeEach, describe, expect, test } from 'vitest';
import { createOrchestrateActivities } from '../../src/activities/orchestrate.ts';
import { appendEvents } from '../../src/db/archive/append.ts';
import { dueToBegin } from '../../src/db/scheduled-start.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, trackEvent } from '../support/events.ts';
import { settableClock } from '../support/wall-clock.ts';

const db = await testDatabase();
const clock = await settableClock(db.url);
const api = await testApi(db);
const source = await newSource(db);
await appendEvents(
  db,
  Array.from({ length: 5 }, () => trackEvent(source)),
);
const activities = createOrchestrateActivities({
  db,
  orchestrator: api.deps.orchestrator,
});
const startAt = '2030-01-10T20:00:00.000Z';
const [before, after] = ['2030-01-10T12:00:00Z', '2030-01-10T20:00:30Z'];
const held = { status: 'paused', statusReason: 'before_start' };

beforeEach(() => clock.set(before));

async function connect(): Promise<string> {
  const settings = { url: 'https://example.com/events' };
  return (await api.call('POST', '/api/destinations', { type: 'webhook', name: 'Sink', settings })).body.id;
}
const ask = async (more: object = {}) =>
  (await api.call('POST', '/api/replays', { destinationId: await connect(), ...more })).body;
const later = (more: object = {}) => ask({ schedule: { startAt }, ...more });
const steer = (id: string, verb: string) => api.call('POST', `/api/replays/${id}/${verb}`);
const read = async (id: string) => (await api.call('GET', `/api/replays/${id}`)).body;

describe('a replay that is paused before its time', () => {
  test('does not begin when that comes, and begins at once when it is resumed', async () => {
    const { id, destinationId } = await later();
    expect(await steer(id, 'pause')).toMatchObject({ status: 200, body: { ...held, startsAt: startAt } });
    expect(await steer(id, 'pause')).toMatchObject({ status: 200, body: held });
    expect(await activities.beginReplay({ runId: id })).toMatchObject({
      stands: 'planned',
      startsAt: startAt,
    });
    await clock.set(after);
    expect(await dueToBegin(db)).not.toContain(id);
    expect(await activities.beginReplay({ runId: id })).toEqual({
      stands: 'planned',
      startsAt: null,
      inMs: null,
    });
    expect(await read(id)).toMatchObject({ ...held, startsAt: null, startedAt: null });
    const begun = await steer(id, 'resume');
    expect(begun).toMatchObject({ status: 200, body: { status: 'running', statusReason: null } });
    expect(await activities.beginReplay({ runId: id })).toEqual({ stands: 'begun' });
    const told = await api.call('GET', `/api/operator-events?destinationId=${destinationId}`);
    expect(told.body.data).toMatchObject([
      { type: 'replay.started' },
      { type: 'replay.resumed', reason: null },
      { type: 'replay.paused', reason: 'before_start' },
    ]);
  });

  test('and resumed before it, is planned as before', async () => {
    const { id } = await later();
    await steer(id, 'pause');
    expect((await steer(id, 'resume')).body).toMatchObject({
      status: 'planned',
      statusReason: 'scheduled',
      startsAt: startAt,
    });
    const again = await steer(id, 'resume');
    expect(again.body).toMatchObject({ code: 'replay_planned', detail: expect.stringContaining('startsAt') });
    await clock.set(after);
    expect(await dueToBegin(db)).toContain(id);
  });

  test('takes another schedule, and none, without beginning', async () => {
    const { id } = await later();
    await steer(id, 'pause');
    const patch = (schedule: unknown) => api.call('PATCH', `/api/replays/${id}`, { schedule });
    expect((await patch({ startAt: '2030-01-11T20:00:00Z' })).body).toMatchObject(held);
    expect((await patch(null)).body).toMatchObject({ ...held, startsAt: null, schedule: null });
    expect((await steer(id, 'resume')).body).toMatchObject({ status: 'running' });
  });

  test('is listed as paused and not as planned, stands in nobody’s way, and can be cancelled', async () => {
    const { id, destinationId } = await later();
    await steer(id, 'pause');
    const listed = async (status: string) => {
      const { body } = await api.call('GET', `/api/replays?status=${status}&destinationId=${destinationId}`);
      return body.data.map((one: { id: string }) => one.id);
    };
    expect([await listed('paused'), await listed('planned')]).toEqual([[id], []]);
    await clock.set(after);
    expect((await ask({ destinationId })).status).toBe('running');
    expect((await steer(id, 'resume')).body).toMatchObject({
      status: 'planned',
      statusReason: 'waits_for_replay',
    });
    await steer(id, 'pause');
    expect((await steer(id, 'cancel')).body).toMatchObject({ status: 'cancelled', statusReason: null });
    expect((await steer(id, 'resume')).body.code).toBe('replay_ended');
  });

  test('while it waits for another one, is passed over by those behind it until it is resumed', async () => {
    const running = await ask();
    const { destinationId } = running;
    const [first, second] = [await later({ destinationId }), await later({ destinationId })];
    await clock.set(after);
    for (const { id } of [first, second]) await activities.beginReplay({ runId: id });
    expect(await read(first.id)).toMatchObject({ status: 'planned', statusReason: 'waits_for_replay' });
    await steer(first.id, 'pause');
    await steer(running.id, 'cancel');
    expect(await read(second.id)).toMatchObject({ status: 'running' });
    expect(await read(first.id)).toMatchObject(held);
    await steer(first.id, 'resume');
    expect(await read(first.id)).toMatchObject({ status: 'planned', statusReason: 'waits_for_replay' });
    await steer(second.id, 'cancel');
    expect(await read(first.id)).toMatchObject({ status: 'running' });
  });
});
