import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readSuppressions } from '../../src/db/suppressions.ts';
import { openStreamRun } from '../../src/db/streams.ts';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { holdLane } from '../support/lease.ts';

const db = await testDatabase();
const api = await testApi(db);

const suppress = (body: unknown, headers?: Record<string, string>) =>
  api.call('POST', '/api/suppressions', body, headers);
const lift = (id: string) => api.call('DELETE', `/api/suppressions/${id}`);
const get = async (id: string) => (await api.call('GET', `/api/suppressions/${id}`)).body;

/** A worker that renews a stream's lease and has not heard of any suppression yet. */
async function deafWorker() {
  const settings = { url: 'https://example.com/events' };
  const made = await api.call('POST', '/api/destinations', { type: 'webhook', name: 'W', settings });
  const run = await openStreamRun(db, made.body.id as string);
  const holder = await holdLane(db, run!.id);
  return {
    hear: () =>
      db.run(sql`
        update lane set suppression_revision = (select revision from suppression_revision) where run_id = ${run!.id}`),
    release: () => holder.release(),
  };
}

describe('suppressing', () => {
  test('is in force at once with no worker running, and harmless again', async () => {
    const made = await suppress({ userId: 'ann', reason: 'asked for it' });
    expect(made).toMatchObject({
      status: 201,
      body: {
        userId: 'ann',
        anonymousId: null,
        reason: 'asked for it',
        status: 'suppressed',
        liftedAt: null,
      },
    });
    expect(made.headers.get('location')).toBe(`/api/suppressions/${made.body.id}`);
    expect(await get(made.body.id)).toEqual(made.body);
    const again = await suppress({ userId: 'ann', reason: 'another' });
    expect([again.status, again.body]).toEqual([201, made.body]);
    expect((await suppress({ anonymousId: 'ann' })).body.id).not.toBe(made.body.id);
  });

  test('is on the way while a worker has not confirmed it', async () => {
    const worker = await deafWorker();
    const [late, lateToo] = await Promise.all([
      suppress({ userId: 'late' }),
      suppress({ userId: 'late too' }),
    ]);
    expect([late.status, late.body.status, lateToo.status]).toEqual([202, 'suppressing', 202]);
    expect((await get(late.body.id)).status).toBe('suppressing');
    await worker.hear();
    expect((await get(late.body.id)).status).toBe('suppressed');
    const next = suppress({ userId: 'in time' });
    await expect
      .poll(() => db.rows(sql`select 1 from suppression where user_id = 'in time'`))
      .toHaveLength(1);
    await worker.hear();
    expect(await next).toMatchObject({ status: 201, body: { status: 'suppressed' } });
    const lifting = await lift(late.body.id);
    expect([lifting.status, lifting.body.status]).toEqual([202, 'lifting']);
    await worker.release();
    expect((await get(late.body.id)).status).toBe('lifted');
  });

  test('under a key it is done once, and the answer says how it stands now', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const first = await suppress({ userId: 'keyed' }, key);
    await lift(first.body.id);
    const again = await suppress({ userId: 'keyed' }, key);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again).toMatchObject({ status: 201, body: { id: first.body.id, status: 'lifted' } });
    expect(again.headers.get('location')).toBe(first.headers.get('location'));
  });

  test('text that Postgres cannot hold is compared as the archive holds it', async () => {
    expect((await suppress({ userId: 'a\0b' })).body.userId).toBe('a\uFFFDb');
  });

  test.each([
    [{}, '/userId', 'userId'],
    [{ userId: 'a', anonymousId: 'b' }, '/anonymousId', 'not both'],
    [{ userId: '' }, '/userId', 'at least 1'],
    [{ userId: 42 }, '/userId', 'a text'],
    [{ userId: '€'.repeat(900) }, '/userId', '2000 bytes'],
    [{ userid: 'a' }, '/userid', 'Did you mean "userId"?'],
  ])('%j is refused at %s', async (body, pointer, text) => {
    const refused = await suppress(body);
    expect(refused.body).toMatchObject({ status: 422, code: 'invalid_body' });
    const fault = refused.body.errors.find((error: { pointer: string }) => error.pointer === pointer);
    expect(fault?.detail).toContain(text);
  });

  test('the longest id that is taken can be indexed, whatever it is made of', async () => {
    const userId = Array.from({ length: 500 }, () =>
      String.fromCodePoint(0x10000 + Math.floor(Math.random() * 0xf0000)),
    ).join('');
    expect((await suppress({ userId })).status).toBe(201);
  });
});

describe('lifting', () => {
  test('is done once, stays readable, and the user can be suppressed anew', async () => {
    const { id } = (await suppress({ userId: 'bob' })).body;
    const lifted = await lift(id);
    expect(lifted).toMatchObject({ status: 200, body: { id, status: 'lifted' } });
    expect(lifted.body.liftedAt).not.toBeNull();
    expect((await lift(id)).body).toEqual(lifted.body);
    expect(await get(id)).toEqual(lifted.body);
    expect((await suppress({ userId: 'bob' })).body).toMatchObject({ status: 'suppressed', liftedAt: null });
    expect(await get(id)).toEqual(lifted.body);
  });

  test('what is not there is not found', async () => {
    const nowhere = `/api/suppressions/${randomUUID()}`;
    expect((await api.call('GET', nowhere)).status).toBe(404);
    expect((await api.call('DELETE', nowhere)).status).toBe(404);
  });
});

test('a thousand users are suppressed in one call, all or none', async () => {
  const named = (count: number) => Array.from({ length: count }, (_, index) => ({ userId: `many-${index}` }));
  const path = '/api/suppressions/batch';
  const made = await api.call('POST', path, {
    users: [...named(999), { anonymousId: 'many-0' }],
    reason: 'left',
  });
  expect(made.status).toBe(201);
  expect(made.body.data).toHaveLength(1_000);
  expect(made.body.data[7]).toMatchObject({ userId: 'many-7', reason: 'left', status: 'suppressed' });
  expect((await api.call('POST', path, { users: named(3) })).body.data).toEqual(made.body.data.slice(0, 3));
  expect((await api.call('POST', path, { users: named(1_001) })).body.errors[0].pointer).toBe('/users');
  const { revision } = await readSuppressions(db, 0);
  const refused = await api.call('POST', path, { users: [{ userId: 'new' }, {}] });
  expect(refused.body.errors[0].pointer).toBe('/users/1/userId');
  expect(await readSuppressions(db, revision)).toEqual({ revision, changed: [] });
});

test('the list is filtered and goes on without skip or repeat', async () => {
  const first = await api.call('GET', '/api/suppressions?limit=200');
  const ids: string[] = [];
  for (
    let page = first;
    ;
    page = await api.call('GET', `/api/suppressions?limit=200&cursor=${page.body.nextCursor}`)
  ) {
    ids.push(...page.body.data.map((row: { id: string }) => row.id));
    if (page.body.nextCursor === null) break;
  }
  expect(ids.length).toBeGreaterThan(1_000);
  expect(new Set(ids).size).toBe(ids.length);
  const find = async (query: string) => (await api.call('GET', `/api/suppressions?${query}`)).body.data;
  expect(await find('userId=bob')).toHaveLength(2);
  expect(await find('userId=bob&lifted=false')).toMatchObject([{ status: 'suppressed' }]);
  expect(await find('userId=bob&lifted=true')).toMatchObject([{ status: 'lifted' }]);
  expect(await find('anonymousId=ann')).toHaveLength(1);
});
