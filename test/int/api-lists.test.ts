import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { holdLane } from '../support/lease.ts';

const db = await testDatabase();
const api = await testApi(db);
const make = async (path: string, body: object): Promise<string> =>
  (await api.call('POST', path, body)).body.id;
const listed = async (path: string): Promise<string[]> =>
  (await api.call('GET', path)).body.data.map((one: { id: string }) => one.id);

test('sources are listed by whether they are blocked', async () => {
  const free = await make('/api/sources', { name: 'Free' });
  const blocked = await make('/api/sources', { name: 'Blocked' });
  await api.call('PATCH', `/api/sources/${blocked}`, { blocked: true });
  expect(await listed('/api/sources?blocked=true')).toEqual([blocked]);
  expect(await listed('/api/sources?blocked=false')).toEqual([free]);
  expect(await listed('/api/sources')).toEqual([blocked, free]);
});

test('destinations are listed by type, and by whether they are enabled', async () => {
  const webhook = { type: 'webhook', name: 'W', settings: { url: 'https://example.com/events' } };
  const on = await make('/api/destinations', webhook);
  const off = await make('/api/destinations', { ...webhook, enabled: false });
  expect(await listed('/api/destinations?enabled=true')).toEqual([on]);
  expect(await listed('/api/destinations?enabled=false&type=webhook')).toEqual([off]);
  expect(await listed('/api/destinations?type=webhook')).toEqual([off, on]);
  expect(await listed('/api/destinations?type=segment')).toEqual([]);
});

test('replays are listed by one status or several', async () => {
  const settings = { url: 'https://example.com/events' };
  const ask = async (more: object = {}) => {
    const destinationId = await make('/api/destinations', { type: 'webhook', name: 'W', settings });
    return await make('/api/replays', { destinationId, ...more });
  };
  const steer = (id: string, verb: string) => api.call('POST', `/api/replays/${id}/${verb}`);
  const running = await ask();
  const planned = await ask({ schedule: { startAt: '2999-01-01T00:00:00Z' } });
  const paused = await ask();
  await steer(paused, 'pause');
  const pausing = await ask();
  await holdLane(db, pausing);
  await steer(pausing, 'pause');
  const cancelled = await ask();
  await steer(cancelled, 'cancel');
  const failed = await ask();
  await db.run(sql`update run set ended_at = now(), ended_as = 'failed' where id = ${failed}`);
  const of = (...statuses: string[]) =>
    listed(`/api/replays?${statuses.map((status) => `status=${status}`).join('&')}`);
  expect(await of('running')).toEqual([running]);
  expect(await of('running', 'planned')).toEqual([planned, running]);
  expect(await of('paused', 'pausing', 'failed')).toEqual([failed, pausing, paused]);
  expect(await of('paused', 'paused')).toEqual([paused]);
  expect(await listed('/api/replays?status=cancelled&status=running&open=false')).toEqual([cancelled]);
  const refused = await api.call('GET', '/api/replays?status=paused&status=done');
  expect(refused.body.errors).toMatchObject([
    { parameter: 'status', detail: expect.stringContaining('completed_with_failures') },
  ]);
});

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: { readonly format?: string; readonly items?: { readonly format?: string } };
}

test('a filter by an id that nothing has gives an empty page, one by what is no id is refused by its name', async () => {
  const { paths } = (await api.call('GET', '/api/openapi.json')).body as {
    paths: Record<string, { get?: { parameters?: readonly Parameter[] } }>;
  };
  const filters = Object.entries(paths).flatMap(([path, { get }]) =>
    (get?.parameters ?? [])
      .filter((one) => one.in === 'query' && (one.schema.format ?? one.schema.items?.format) === 'uuid')
      .map(({ name }) => ({ path, name })),
  );
  expect(filters.length).toBeGreaterThanOrEqual(9);
  for (const { path, name } of filters) {
    const ask = (value: string) => api.call('GET', `${path}?${name}=${value}`);
    const refused = await ask('shop');
    expect(refused, `${path}?${name}`).toMatchObject({
      status: 400,
      body: { code: 'invalid_query', errors: [{ parameter: name, detail: expect.stringContaining('UUID') }] },
    });
    const empty = await ask(randomUUID());
    expect(empty.status, `${path}?${name}`).toBe(200);
    if (!path.endsWith('/stream')) expect(empty.body.data, `${path}?${name}`).toEqual([]);
  }
});

test('what lies below an id that nothing has is not there', async () => {
  const { paths } = (await api.call('GET', '/api/openapi.json')).body as { paths: Record<string, object> };
  const below = Object.entries(paths).filter(
    ([path, methods]) => /^\/api\/[^/]+\/\{id\}/.test(path) && 'get' in methods,
  );
  for (const [path] of below) {
    const address = path.replaceAll(/\{\w+\}/g, randomUUID());
    expect((await api.call('GET', address)).body, path).toMatchObject({ status: 404, code: 'not_found' });
  }
});
