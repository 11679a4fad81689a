import { expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { openStreamRun } from '../../src/db/streams.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';

const db = await testDatabase();
const api = await testApi(db);
const base = { type: 'webhook', name: 'Orders', settings: { url: 'https://example.com/events' } };
const patch = (id: string, change: unknown) => api.call('PATCH', `/api/destinations/${id}`, change);

async function connect(filter: string | null) {
  const made = await api.call('POST', '/api/destinations', { ...base, filter });
  expect(made.status).toBe(201);
  return made.body;
}
const selectionOf = async (run: string) =>
  (await db.rows<{ selection: unknown }>(sql`select selection from run where id = ${run}`))[0]?.selection;

test('a destination is connected with a filter, shows it, and goes on with another one in a new stretch', async () => {
  const made = await connect('event = "A"');
  const address = `/api/destinations/${made.id}`;
  expect((await api.call('GET', address)).body).toMatchObject({ filter: 'event = "A"' });
  const first = (await openStreamRun(db, made.id))!;
  expect(await selectionOf(first.id)).toEqual({ liveOnly: true, filter: 'event = "A"' });
  const changed = await patch(made.id, { filter: 'properties.n = 1' });
  expect(changed).toMatchObject({ status: 200, body: { filter: 'properties.n = 1' } });
  const second = (await openStreamRun(db, made.id))!;
  expect(second.id).not.toBe(first.id);
  expect(await selectionOf(second.id)).toEqual({ liveOnly: true, filter: 'properties.n = 1' });
  await patch(made.id, { name: 'Same filter', filter: 'properties.n = 1' });
  expect((await openStreamRun(db, made.id))!.id).toBe(second.id);
  expect((await patch(made.id, { filter: null })).body).toMatchObject({ filter: null });
  expect(await selectionOf((await openStreamRun(db, made.id))!.id)).toEqual({ liveOnly: true });
});

test('a filter that cannot be read is refused with its place and a remedy, and nothing changes', async () => {
  const refused = await api.call('POST', '/api/destinations', { ...base, filter: 'type = "track"\nand' });
  const errors = [
    { pointer: '/filter', detail: expect.stringMatching(/^Line 2, column 4 \(offset 18\): Expected/) },
  ];
  expect(refused).toMatchObject({ status: 422, body: { code: 'invalid_body', errors } });
  const made = await connect('event = "A"');
  const other = await patch(made.id, { name: 'Other', filter: 'evnt = "A"' });
  expect(other).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: '/filter', detail: expect.stringContaining('Did you mean event?') }] },
  });
  const { body } = await api.call('GET', `/api/destinations/${made.id}`);
  expect(body).toMatchObject({ name: 'Orders', filter: 'event = "A"' });
});

test('a replay takes FQL, keeps to its destination’s filter and refuses what cannot be', async () => {
  const { id: destinationId } = await connect('event = "A"');
  const ask = (more: unknown) => api.call('POST', '/api/replays', { destinationId, ...(more as object) });
  const filter = { fql: 'properties.n = 1' };
  for (const [more, pointer, detail] of [
    [{ filter: { fql: 'n = 1' } }, '/filter/fql', 'Line 1, column 1 (offset 0): There is no field n'],
    [{ exclude: { fql: '' } }, '/exclude/fql', 'at least 1'],
    [{ filter, mode: 'failed' }, '/filter/fql', 'POST /api/dead-letters/retry'],
    [{ filter: { fql: 'n = ' }, mode: 'failed' }, '/filter/fql', 'no field n'],
  ] as const) {
    const errors = [{ pointer, detail: expect.stringContaining(detail) }];
    expect(await ask(more)).toMatchObject({ status: 422, body: { errors } });
  }
  const made = await ask({ filter, exclude: { fql: 'userId = "u"' } });
  expect(made).toMatchObject({
    status: 201,
    body: {
      request: { filter, exclude: { fql: 'userId = "u"' } },
      counts: { selected: 0, selectedExact: false },
    },
  });
  expect(await selectionOf(made.body.id)).toEqual({
    ...filter,
    exclude: { fql: 'userId = "u"' },
    filter: 'event = "A"',
  });
});
