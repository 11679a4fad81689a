import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { answered, testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';

const db = await testDatabase();
const apis = [await testApi(db), await testApi(db)] as const;
const [api] = apis;
/** For how long a token that ends may still be taken, with a little for clocks that differ; milliseconds. */
const promisedMs = 1_000 + 50;

const make = async (body: object, headers?: Record<string, string>) =>
  await api.call('POST', '/api/tokens', body, headers);
const as = (token: string) => ({ authorization: `Bearer ${token}` });

async function ask({ url }: { url: string }, token: string) {
  const asked = Date.now();
  const { status } = await answered(await fetch(`${url}/api/sources`, { headers: as(token) }));
  return { asked, answered: Date.now(), status };
}

/** Asks with a token again and again until it has been refused three times. */
async function useUp(server: { url: string }, token: string) {
  const heard: Awaited<ReturnType<typeof ask>>[] = [];
  await until(
    'the token is refused',
    async () => heard[heard.push(await ask(server, token)) - 1]!.status,
    () => heard.filter(({ status }) => status === 401).length === 3,
    { everyMs: 10, deadlineMs: 15_000 },
  );
  return heard;
}

describe('a token', () => {
  test('is shown once, and nothing of it is stored or logged', async () => {
    const made = await make({ name: 'ci', role: 'viewer' });
    expect(made.status).toBe(201);
    const { token, ...shown } = made.body;
    expect(shown).toMatchObject({
      name: 'ci',
      role: 'viewer',
      createdBy: { tokenId: null, name: 'environment' },
      expiresAt: null,
      lastUsedAt: null,
      revokedAt: null,
    });
    expect(made.headers.get('location')).toBe(`/api/tokens/${shown.id}`);
    expect((await api.call('GET', `/api/tokens/${shown.id}`)).body).toEqual(shown);
    expect((await api.call('GET', '/api/tokens')).body.data[0]).toEqual(shown);
    await ask(api, token);
    const [stored] = await db.rows(sql`select t::text as text from api_token t where id = ${shown.id}`);
    expect(stored!.text).not.toContain(token.slice(40, 60));
    expect(api.log()).not.toContain(token);
  });

  test('notes when it is used', async () => {
    const { token, id } = (await make({ name: 'used', role: 'viewer' })).body;
    expect((await ask(api, token)).status).toBe(200);
    await until(
      'its use is noted',
      async () => (await api.call('GET', `/api/tokens/${id}`)).body.lastUsedAt,
      (lastUsedAt) => lastUsedAt !== null,
    );
  });

  test('made by a token names that one', async () => {
    const admin = (await make({ name: 'Ann', role: 'admin' })).body;
    const made = await api.call('POST', '/api/tokens', { name: 'b', role: 'viewer' }, as(admin.token));
    expect(made.body.createdBy).toEqual({ tokenId: admin.id, name: 'Ann' });
  });

  test('that is revoked is taken by no process for longer than a second', async () => {
    const { token, id } = (await make({ name: 'r', role: 'viewer' })).body;
    const used = apis.map((server) => useUp(server, token));
    for (const server of apis) expect((await ask(server, token)).status).toBe(200);
    const revoked = await api.call('DELETE', `/api/tokens/${id}`);
    const ended = Date.now();
    for (const heard of await Promise.all(used)) {
      expect(heard.findLast(({ status }) => status === 200)!.asked - ended).toBeLessThan(promisedMs);
      expect(new Set(heard.map(({ status }) => status))).toEqual(new Set([200, 401]));
    }
    expect((await api.call('DELETE', `/api/tokens/${id}`)).body).toEqual({
      ...revoked.body,
      lastUsedAt: expect.any(String),
    });
  });

  test('ends at its second, in every process', async () => {
    const ends = Date.now() + 2_000;
    const expiresAt = new Date(ends).toISOString();
    const { token, id } = (await make({ name: 'e', role: 'viewer', expiresAt })).body;
    for (const heard of await Promise.all(apis.map((server) => useUp(server, token)))) {
      expect(heard.findLast(({ status }) => status === 200)?.asked ?? 0).toBeLessThanOrEqual(ends);
      expect(heard.find(({ status }) => status === 401)!.answered).toBeGreaterThanOrEqual(ends);
    }
    await api.call('PATCH', `/api/tokens/${id}`, { expiresAt: null });
    await until(
      'it is taken again',
      async () => (await ask(api, token)).status,
      (status) => status === 200,
    );
  });

  test.each(['viewer', 'operator', 'admin'])('of the role %s may revoke itself', async (role) => {
    const { token, id } = (await make({ name: 'self', role })).body;
    const other = (await make({ name: 'other', role: 'viewer' })).body;
    const revoke = async (path: string) => await api.call('DELETE', path, undefined, as(token));
    if (role !== 'admin') {
      for (const one of [other.id, randomUUID(), '', `${id}x`]) {
        expect((await revoke(`/api/tokens/${one}`)).status).not.toBe(200);
      }
      expect((await revoke(`/api/tokens/${other.id}`)).body).toMatchObject({
        status: 403,
        code: 'forbidden',
      });
      const change = await api.call('PATCH', `/api/tokens/${id}`, { name: 'x' }, as(token));
      expect(change.status).toBe(403);
    }
    const itself = await revoke(`/api/tokens/${id.toUpperCase()}`);
    expect(itself).toMatchObject({ status: 200, body: { id, revokedAt: expect.any(String) } });
    const found = await api.call('GET', '/api/tokens?usable=true&limit=200');
    const usable = found.body.data.map((one: { id: string }) => one.id);
    expect([usable.includes(id), usable.includes(other.id)]).toEqual([false, true]);
    const [entry] = (await api.call('GET', `/api/audit?resource=/api/tokens/${id}&limit=1`)).body.data;
    expect(entry).toMatchObject({ action: 'revokeToken', actor: { tokenId: id }, result: 'done' });
  });

  test('all may be revoked, and the one of the environment stays', async () => {
    for (const one of (await api.call('GET', '/api/tokens?usable=true&limit=200')).body.data) {
      await api.call('DELETE', `/api/tokens/${one.id}`);
    }
    expect((await api.call('GET', '/api/tokens?usable=true')).body.data).toEqual([]);
  });
});

describe('the list', () => {
  test('has filters and pages', async () => {
    for (const role of ['viewer', 'operator', 'operator']) await make({ name: 'page', role });
    const operators = await api.call('GET', '/api/tokens?role=operator&limit=1');
    expect(operators.body.data.map((one: { role: string }) => one.role)).toEqual(['operator']);
    const next = await api.call('GET', `/api/tokens?role=operator&cursor=${operators.body.nextCursor}`);
    expect(next.body.data.map((one: { role: string }) => one.role)).toContain('operator');
    expect(next.body.data[0].id).not.toBe(operators.body.data[0].id);
    const ended = (await api.call('GET', '/api/tokens?usable=false')).body.data;
    expect(ended.every((one: { revokedAt: string | null }) => one.revokedAt !== null)).toBe(true);
  });
});

describe('refused', () => {
  test.each([
    [{ name: 'x' }, '/role'],
    [{ name: 'x', role: 'root' }, '/role'],
    [{ name: '', role: 'viewer' }, '/name'],
    [{ name: 'x', role: 'viewer', expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt'],
    [{ name: 'x', role: 'viewer', expiresAt: 'tomorrow' }, '/expiresAt'],
    [{ name: 'x', role: 'viewer', token: 'my own' }, '/token'],
  ])('%j', async (body, pointer) => {
    const refused = await make(body);
    expect(refused.body).toMatchObject({ status: 422, code: 'invalid_body', errors: [{ pointer }] });
  });

  test('a change of the role, and of nothing', async () => {
    const { id } = (await make({ name: 'x', role: 'viewer' })).body;
    for (const body of [{ role: 'admin' }, {}]) {
      expect((await api.call('PATCH', `/api/tokens/${id}`, body)).status).toBe(422);
    }
    expect((await api.call('PATCH', `/api/tokens/${randomUUID()}`, { name: 'y' })).status).toBe(404);
  });
});

test('a kept answer is for the token that asked', async () => {
  const [ann, ben] = [
    (await make({ name: 'Ann', role: 'admin' })).body,
    (await make({ name: 'Ben', role: 'admin' })).body,
  ];
  const key = { 'idempotency-key': randomUUID() };
  const body = { name: 'once', role: 'viewer' };
  const first = await make(body, { ...as(ann.token), ...key });
  expect((await make(body, { ...as(ann.token), ...key })).body).toEqual(first.body);
  expect((await make(body, { ...as(ben.token), ...key })).body.id).not.toBe(first.body.id);
});
