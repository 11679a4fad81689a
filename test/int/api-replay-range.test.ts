import { randomUUID } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { getReplay } from '../../src/db/replays.ts';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { lockAwaited } from '../support/engine-faults.ts';
import { newSource, trackEvent } from '../support/events.ts';
import { holdLane } from '../support/lease.ts';

const db = await testDatabase();
const api = await testApi(db);
const source = await newSource(db);
await appendEvents(
  db,
  Array.from({ length: 20 }, () => trackEvent(source)),
);

async function replay(range: object): Promise<string> {
  const settings = { url: 'https://example.com/events' };
  const made = await api.call('POST', '/api/destinations', { type: 'webhook', name: 'Sink', settings });
  const asked = await api.call('POST', '/api/replays', { destinationId: made.body.id, range });
  expect(asked.status).toBe(201);
  return asked.body.id;
}
const patch = (id: string, change: unknown) => api.call('PATCH', `/api/replays/${id}`, change);

test('a new end is answered with the range and the count that follow; the request stays as it was', async () => {
  const id = await replay({ by: 'position', from: 3, to: 10 });
  const longer = await patch(id, { range: { to: 15 }, pace: { eventsPerSecond: 7 } });
  expect(longer).toMatchObject({
    status: 200,
    body: {
      request: { range: { by: 'position', from: 3, to: 10 } },
      range: { by: 'position', from: 3, to: 15, fromPosition: 3, toPosition: 15, cutToStream: false },
      counts: { selected: 13, selectedExact: true },
      pace: { eventsPerSecond: 7 },
    },
  });
  const cut = await patch(id, { range: { to: 900 } });
  expect(cut.body).toMatchObject({ range: { toPosition: 20, cutToStream: true }, counts: { selected: 18 } });
  const shorter = await patch(id, { range: { to: 5 } });
  expect(shorter.body).toMatchObject({ range: { toPosition: 5 }, counts: { selected: 3 } });
  const open = await patch(id, { range: { to: null } });
  expect(open.body).toMatchObject({ range: { toPosition: 20, cutToStream: false } });
  expect(open.body).toMatchObject({ range: { from: 3, to: null }, request: { range: { from: 3, to: 10 } } });
});

test('a new begin is answered with the range and the count that follow; the request stays as it was', async () => {
  const id = await replay({ by: 'position', from: 5, to: 10 });
  const earlier = await patch(id, { range: { from: 2 } });
  expect(earlier).toMatchObject({
    status: 200,
    body: {
      request: { range: { by: 'position', from: 5, to: 10 } },
      range: { from: 2, to: 10, fromPosition: 2, toPosition: 10 },
      counts: { selected: 9, selectedExact: true },
    },
  });
  const both = await patch(id, { range: { from: 8, to: null } });
  expect(both.body).toMatchObject({ range: { fromPosition: 8, toPosition: 20 }, counts: { selected: 13 } });
  const all = await patch(id, { range: { from: null } });
  expect(all.body).toMatchObject({
    range: { from: null, to: null, fromPosition: 1 },
    counts: { selected: 20 },
    request: { range: { by: 'position', from: 5, to: 10 } },
  });
  const byTime = await replay({ from: '1h' });
  const none = await patch(byTime, { range: { from: new Date(Date.now() + 60_000).toISOString() } });
  expect(none.body).toMatchObject({ counts: { selected: 0, selectedExact: true } });
});

test('times stay times: a new end counts anew, relative ones from now', async () => {
  const id = await replay({ to: '1h' });
  expect(
    (await patch(id, { range: { to: new Date(Date.now() + 60_000).toISOString() } })).body,
  ).toMatchObject({ counts: { selected: 20, selectedExact: true } });
  const { body } = await patch(id, { range: { to: '2h' } });
  expect(Date.parse(body.range.to)).toBeLessThan(Date.now() - 7_100_000);
  expect(body.counts).toMatchObject({ selected: 0, selectedExact: true });
});

test('while a worker holds a lane the answer waits for it, or says that it is on the way', async () => {
  const id = await replay({ by: 'position', to: 5 });
  const holder = await holdLane(db, id);
  const asked = await patch(id, { range: { to: 9 } });
  expect(asked).toMatchObject({
    status: 202,
    body: { range: { to: 9, toPosition: 5 }, request: { range: { to: 5 } }, status: 'running' },
  });
  const again = patch(id, { range: { to: 8 } });
  await vi.waitFor(async () => expect((await getReplay(db, id))!.revision).toBe(3));
  await holder.release();
  expect(await again).toMatchObject({
    status: 200,
    body: { range: { toPosition: 8 }, counts: { selected: 8 } },
  });
});

test('pace and range at once wait for the destination first, as everybody does who locks it and its replay', async () => {
  const id = await replay({ by: 'position', to: 5 });
  let patched: ReturnType<typeof patch> | undefined;
  await db.transaction(async (tx) => {
    await tx.rows(sql`
      select 1 from destination where id = (select destination_id from run where id = ${id}) for no key update`);
    patched = patch(id, { pace: { eventsPerSecond: 7 }, range: { to: 9 } });
    await lockAwaited(db);
    expect(await tx.rows(sql`select 1 from run where id = ${id} for no key update nowait`)).toHaveLength(1);
  });
  expect(await patched).toMatchObject({
    status: 200,
    body: { range: { toPosition: 9 }, pace: { eventsPerSecond: 7 } },
  });
});

test('what cannot be is refused, with what helps', async () => {
  const byPosition = await replay({ by: 'position', from: 4 });
  const bounded = await replay({ by: 'position', to: 8 });
  const byTime = await replay({});
  const refusals = [
    [byPosition, { range: { to: '2h' } }, '/range/to', 'give a position'],
    [byTime, { range: { from: 7, to: '2h' } }, '/range/from', 'give a time'],
    [byPosition, { range: {} }, '/range', 'Name the end that is to change'],
    [byTime, { range: { to: 7 } }, '/range/to', 'give a time'],
    [byPosition, { range: { to: 3 } }, '/range/to', 'ends before it begins'],
    [bounded, { range: { from: 9 } }, '/range/from', 'end before it begins'],
    [byPosition, { range: { to: 'soon' } }, '/range/to', 'RFC 3339'],
    [byPosition, { range: { to: 9, by: 'received' } }, '/range/by', ''],
    [byPosition, {}, '', 'pace'],
  ] as const;
  for (const [id, change, pointer, detail] of refusals) {
    const answer = await patch(id, change);
    expect(answer, JSON.stringify(change)).toMatchObject({ status: 422, body: { code: 'invalid_body' } });
    expect(answer.body.errors[0].pointer).toBe(pointer);
    expect(answer.body.errors[0].detail).toContain(detail);
  }
  expect((await getReplay(db, byPosition))!.revision).toBe(1);
  await api.call('POST', `/api/replays/${byTime}/cancel`);
  expect((await patch(byTime, { range: { to: '2h' } })).body.code).toBe('replay_ended');
  expect((await patch(randomUUID(), { range: { to: '2h' } })).status).toBe(404);
});
