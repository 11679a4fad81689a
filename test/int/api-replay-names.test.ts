import { expect, test } from 'vitest';
import { replayStatuses } from '../../src/core/replay-status.ts';
import { readRuns } from '../../src/db/runs.ts';
import { replayStatus } from '../../src/core/replay-status.ts';
import { setReplayDesired } from '../../src/db/replays.ts';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { holdLane } from '../support/lease.ts';

const db = await testDatabase();
const api = await testApi(db);

async function connect(): Promise<string> {
  const settings = { url: 'https://example.com/events' };
  return (await api.call('POST', '/api/destinations', { type: 'webhook', name: 'Sink', settings })).body.id;
}

async function ask(more: object = {}, destinationId?: string) {
  const body = { destinationId: destinationId ?? (await connect()), ...more };
  return (await api.call('POST', '/api/replays', body)).body;
}
const patch = (id: string, change: object) => api.call('PATCH', `/api/replays/${id}`, change);
const listed = async (query: string): Promise<string[]> =>
  (await api.call('GET', `/api/replays?${query}`)).body.data.map(({ id }: { id: string }) => id);

test('labels and note are given back and changed at any time', async () => {
  const asked = { label: 'October outage', labels: ['incident-4711', 'team:growth'], note: 'For support.' };
  const made = await ask(asked);
  expect(made).toMatchObject({ ...asked, request: asked });
  const renamed = await patch(made.id, { note: 'Done.', labels: ['team:growth'] });
  expect(renamed).toMatchObject({
    status: 200,
    body: { label: 'October outage', labels: ['team:growth'], note: 'Done.', request: asked },
  });
  await api.call('POST', `/api/replays/${made.id}/cancel`);
  const after = await patch(made.id, { label: null, note: null });
  expect(after).toMatchObject({ status: 200, body: { label: null, labels: ['team:growth'], note: null } });
  expect((await api.call('GET', `/api/replays/${made.id}`)).body).toEqual(after.body);
  const both = await patch(made.id, { note: 'Not written.', pace: { eventsPerSecond: 5 } });
  expect(both).toMatchObject({ status: 409, body: { code: 'replay_ended' } });
  expect((await api.call('GET', `/api/replays/${made.id}`)).body.note).toBeNull();
});

test('what no label can be is refused where it stands', async () => {
  const { id } = await ask();
  const cases = [
    [{ labels: ['a', 'a'] }, '/labels', 'Name each label once.'],
    [{ labels: [''] }, '/labels/0', 'Expected at least 1 character.'],
    [{ labels: Array.from({ length: 21 }, (_, n) => `l${n}`) }, '/labels', 'Expected at most 20 items.'],
    [{ note: 'a\0' }, '/note', 'Holds NUL or half of a surrogate pair.'],
    [{}, '', 'Name what is to change: `pace`, `range`, `schedule`, `label`, `labels` or `note`.'],
  ] as const;
  for (const [change, pointer, detail] of cases) {
    expect(await patch(id, change)).toMatchObject({ status: 422, body: { errors: [{ pointer, detail }] } });
  }
});

test('the list is filtered by label, by name, and by destination with them', async () => {
  const one = await ask({ labels: ['team:a', "o'clock"] });
  const two = await ask({ label: 'team:a' });
  const three = await ask({ labels: ['team:ab'] });
  expect(await listed('label=team:a')).toEqual([two.id, one.id]);
  expect(await listed(`label=${encodeURIComponent("o'clock")}`)).toEqual([one.id]);
  expect(await listed(`label=team:a&destinationId=${one.destinationId}`)).toEqual([one.id]);
  expect(await listed('label=team')).toEqual([]);
  expect(await listed('label=team:ab&open=false')).toEqual([]);
  expect(await listed('label=team:ab&limit=1')).toEqual([three.id]);
});

test('the list is filtered by each status as the replays tell it', async () => {
  const held = async (desired: 'paused' | 'cancelled') => {
    const { id } = await ask();
    await holdLane(db, id);
    await setReplayDesired(db, id, desired);
  };
  const idle = async (desired: 'paused' | 'cancelled') => setReplayDesired(db, (await ask()).id, desired);
  await held('paused');
  await held('cancelled');
  await idle('paused');
  await idle('cancelled');
  for (const as of ['completed', 'completed_with_failures', 'failed', 'cancelled']) {
    const { id } = await ask();
    await db.run(sql`update run set ended_at = now(), ended_as = ${as} where id = ${id}`);
  }
  const { id } = await ask();
  await db.run(sql`update run set desired = 'planned' where id = ${id}`);
  const all = (await readRuns(db, sql`r.kind = 'replay'`)).map((run) => ({
    id: run.id,
    status: replayStatus(run).status,
  }));
  expect(new Set(all.map(({ status }) => status))).toEqual(new Set(replayStatuses));
  for (const status of replayStatuses) {
    const meant = all.filter((one) => one.status === status).map((one) => one.id);
    expect(await listed(`status=${status}`), status).toEqual(meant);
  }
});
