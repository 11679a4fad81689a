import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { sql } from '../../src/db/sql.ts';

const db = await testDatabase();
const api = await testApi(db);

async function makeSource(name = 'Shop') {
  const made = await api.call('POST', '/api/sources', { name });
  expect(made.status).toBe(201);
  return made.body as { id: string; writeKey: string };
}

describe('sources', () => {
  test('a source is created with a write key, and is found where Location says', async () => {
    const made = await api.call('POST', '/api/sources', { name: 'Shop' });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: 'Shop', origin: 'tracking_api' });
    expect(made.body.writeKey).toMatch(/^wk_[0-9a-f]{32}$/);
    expect(made.body.writeKeys).toEqual([
      { key: made.body.writeKey, createdAt: expect.any(String), expiresAt: null },
    ]);
    const found = await api.call('GET', made.headers.get('location') ?? '');
    expect(found.body).toEqual(made.body);
  });

  test('a list goes on where its page ended, without skip or repeat, although many share a moment', async () => {
    const ids = Array.from({ length: 7 }, () => randomUUID());
    for (const id of ids) {
      await db.run(
        sql`insert into source (id, name, created_at) values (${id}, 'x', '2020-01-01 00:00:00.000123Z')`,
      );
    }
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await api.call('GET', `/api/sources?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`);
      expect(page.status).toBe(200);
      expect(page.body.data.length).toBeLessThanOrEqual(3);
      seen.push(...page.body.data.map((source: { id: string }) => source.id));
      cursor = page.body.nextCursor;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(ids));
  });

  test('a source is renamed', async () => {
    const { id } = await makeSource();
    expect((await api.call('PATCH', `/api/sources/${id}`, { name: 'Web shop' })).body.name).toBe('Web shop');
    expect((await api.call('GET', `/api/sources/${id}`)).body.name).toBe('Web shop');
  });

  test('a source is blocked, which leaves all else of it as it was, and freed again', async () => {
    const source = await makeSource();
    const change = async (body: object) => (await api.call('PATCH', `/api/sources/${source.id}`, body)).body;
    const blocked = await change({ blocked: true });
    expect(blocked).toEqual({ ...source, blockedAt: expect.stringMatching(/^20.*Z$/) });
    expect(await change({ blocked: true, name: 'Still' })).toEqual({ ...blocked, name: 'Still' });
    expect(await change({ name: 'Again' })).toEqual({ ...blocked, name: 'Again' });
    expect(await change({ blocked: false })).toEqual({ ...source, name: 'Again', blockedAt: null });
  });

  test('a source gets a limit, another one, and none', async () => {
    const source = await makeSource();
    expect(source).toMatchObject({ rateLimit: null });
    const limitOf = async (body: object) =>
      (await api.call('PATCH', `/api/sources/${source.id}`, body)).body.rateLimit;
    expect(await limitOf({ rateLimit: { eventsPerSecond: 0.5 } })).toEqual({ eventsPerSecond: 0.5 });
    expect(await limitOf({ name: 'Same' })).toEqual({ eventsPerSecond: 0.5 });
    expect(await limitOf({ rateLimit: { eventsPerSecond: 500 } })).toEqual({ eventsPerSecond: 500 });
    expect(await limitOf({ rateLimit: null })).toBeNull();
    for (const eventsPerSecond of [0, -1, '5', 1e9]) {
      const answer = await api.call('PATCH', `/api/sources/${source.id}`, { rateLimit: { eventsPerSecond } });
      expect(answer.status).toBe(422);
    }
  });

  test('a change of nothing is refused', async () => {
    const { id } = await makeSource();
    const answer = await api.call('PATCH', `/api/sources/${id}`, {});
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body)).toContain('Name what is to change');
  });

  test('a rotated key comes with an end for the one before', async () => {
    const { id, writeKey } = await makeSource();
    const rotated = await api.call('POST', `/api/sources/${id}/rotate-key`, { overlapSeconds: 60 });
    expect(rotated.status).toBe(201);
    expect(rotated.body.writeKey).not.toBe(writeKey);
    const [, before] = rotated.body.writeKeys;
    expect(before.key).toBe(writeKey);
    const leftMs = Date.parse(before.expiresAt) - Date.parse(rotated.body.writeKeys[0].createdAt);
    expect(leftMs).toBe(60_000);
    const again = await api.call('POST', `/api/sources/${id}/rotate-key`);
    expect(again.body.writeKeys).toHaveLength(3);
    expect(again.body.writeKeys.find((key: { key: string }) => key.key === writeKey).expiresAt).toBe(
      before.expiresAt,
    );
  });

  test('without overlap only the new key is left', async () => {
    const { id } = await makeSource();
    const rotated = await api.call('POST', `/api/sources/${id}/rotate-key`, { overlapSeconds: 0 });
    expect(rotated.body.writeKeys.map((key: { key: string }) => key.key)).toEqual([rotated.body.writeKey]);
  });

  test('a deleted source is gone and its keys are over', async () => {
    const { id, writeKey } = await makeSource();
    expect((await api.call('DELETE', `/api/sources/${id}`)).status).toBe(204);
    for (const [method, path, body] of [
      ['GET', `/api/sources/${id}`, undefined],
      ['PATCH', `/api/sources/${id}`, { name: 'x' }],
      ['POST', `/api/sources/${id}/rotate-key`, {}],
      ['DELETE', `/api/sources/${id}`, undefined],
    ] as const) {
      expect((await api.call(method, path, body)).body).toMatchObject({ status: 404, code: 'not_found' });
    }
    const [key] = await db.rows<{ over: boolean }>(
      sql`select expires_at <= now() as over from write_key where key = ${writeKey}`,
    );
    expect(key).toEqual({ over: true });
  });

  test('destinations that take a deleted source say so, and what they answer can be given back', async () => {
    const [gone, stays] = [await makeSource(), await makeSource()];
    const settings = { url: 'https://example.com/events' };
    const made = await api.call('POST', '/api/destinations', {
      type: 'webhook',
      name: 'Routed',
      settings,
      sources: [gone.id],
    });
    expect(made.body.warnings).toEqual([]);
    await api.call('DELETE', `/api/sources/${gone.id}`);
    const path = `/api/destinations/${made.body.id}`;
    const warning = { code: 'deleted_sources', sources: [gone.id] };
    const { body } = await api.call('GET', path);
    expect(body).toMatchObject({ sources: [gone.id], warnings: [warning] });
    expect(body.warnings[0].message).toContain('no new event');
    const both = await api.call('PATCH', path, { sources: [...body.sources, stays.id] });
    expect(both).toMatchObject({ status: 200, body: { warnings: [warning] } });
    expect(both.body.warnings[0].message).toContain('1 of 2');
    expect((await api.call('PATCH', path, { sources: [stays.id] })).body.warnings).toEqual([]);
    const back = await api.call('PATCH', path, { sources: [gone.id] });
    expect(back).toMatchObject({ status: 422, body: { errors: [{ pointer: '/sources/0' }] } });
    const replay = { destinationId: made.body.id, filter: { sources: [gone.id] } };
    expect((await api.call('POST', '/api/replays', replay)).status).toBe(201); // its events are still there
    expect(await api.call('PATCH', path, {})).toMatchObject({ status: 422 });
  });

  test.each(['filter', 'exclude'])(
    'a source that never was is refused in the %s of a replay',
    async (part) => {
      const settings = { url: 'https://example.com/events' };
      const made = await api.call('POST', '/api/destinations', { type: 'webhook', name: 'Sink', settings });
      const sources = [(await makeSource()).id, randomUUID()];
      const asked = { destinationId: made.body.id, [part]: { sources } };
      expect((await api.call('POST', '/api/replays', asked)).body).toMatchObject({
        status: 422,
        errors: [{ pointer: `/${part}/sources/1`, detail: expect.stringContaining('never was') as string }],
      });
    },
  );

  test.each([
    [{}, '/name', 'Missing'],
    [{ name: '' }, '/name', 'at least 1 character.'],
    [{ name: 'a\0b' }, '/name', 'NUL'],
    [{ name: '\ud800' }, '/name', 'surrogate'],
    [{ name: 7 }, '/name', 'a text'],
    [{ nmae: 'Shop', name: 'Shop' }, '/nmae', 'Did you mean "name"?'],
    [{ name: 'Shop', __proto__x: 1 }, '/__proto__x', 'not known'],
    [['Shop'], '', 'an object'],
  ])('%j is refused with a pointer and a remedy', async (body, pointer, text) => {
    const refused = await api.call('POST', '/api/sources', body);
    expect(refused.body).toMatchObject({ status: 422, code: 'invalid_body' });
    const fault = refused.body.errors.find((error: { pointer: string }) => error.pointer === pointer);
    expect(fault.detail).toContain(text);
  });
});
