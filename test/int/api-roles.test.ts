import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { makeToken } from '../../src/api/access/token-text.ts';
import { roleNeeded } from '../../src/api/route.ts';
import { roles } from '../../src/core/role.ts';
import { sql } from '../../src/db/sql.ts';
import { answered, testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { checkDocumented, shapes } from '../support/documented.ts';
import { newKey } from '../support/tracking.ts';

const db = await testDatabase();
const api = await testApi(db);

const make = async (role: string): Promise<{ id: string; token: string }> =>
  (await api.call('POST', '/api/tokens', { name: role, role })).body;
const rank = { viewer: 1, operator: 2, admin: 3 };
const guarded = shapes.filter((shape) => shape.open !== true);
/** With ids that nothing has, so that nothing is changed by whoever is let in. */
const pathOf = (path: string) => path.replaceAll(/\{\w+\}/g, randomUUID());

async function ask(shape: (typeof shapes)[number], authorization: string | undefined) {
  const path = pathOf(shape.path);
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const answer = await answered(await fetch(api.url + path, { method: shape.method.toUpperCase(), headers }));
  checkDocumented(shape.method, path, answer);
  return answer;
}

describe.each(roles)('a token of role %s', async (role) => {
  const { token } = await make(role);

  test.each(guarded.map((shape) => [shape.operationId, shape] as const))('%s', async (_, shape) => {
    const needed = roleNeeded(shape);
    const answer = await ask(shape, `Bearer ${token}`);
    if (rank[role] >= rank[needed]) {
      expect(answer.status).toBeLessThan(500);
      expect([401, 403]).not.toContain(answer.status);
      return;
    }
    expect(answer.body).toMatchObject({ status: 403, code: 'forbidden', role, neededRole: needed });
    expect(answer.body.detail).toContain(`\`${needed}\``);
  });
});

describe('what is not a token that holds', async () => {
  const expired = await make('admin');
  await db.run(sql`update api_token set expires_at = now() where id = ${expired.id}`);
  const revoked = await make('admin');
  await api.call('DELETE', `/api/tokens/${revoked.id}`);
  const { token } = await make('admin');
  const { writeKey } = await newKey(db);
  const bearers: Record<string, [string | undefined, RegExp]> = {
    none: [undefined, /^Send a token/],
    'of nobody': [`Bearer ${makeToken(randomUUID())}`, /none of this server/],
    'with the id of one': [`Bearer ${makeToken(revoked.id)}`, /none of this server/],
    expired: [`Bearer ${expired.token}`, /"admin" expired at 20/],
    revoked: [`Bearer ${revoked.token}`, /"admin" was revoked at 20/],
    'a write key': [`Bearer ${writeKey}`, /write key/],
    'of another scheme': [`Basic ${Buffer.from(`${token}:`).toString('base64')}`, /^Send a token/],
  };

  test.each(Object.entries(bearers))('%s: 401 on every route', async (_, [authorization, detail]) => {
    for (const shape of guarded) {
      const { body } = await ask(shape, authorization);
      expect(body, shape.operationId).toMatchObject({ status: 401, code: 'unauthorized' });
      expect(body.detail).toMatch(detail);
    }
  });
});

test('no route that changes something lets a viewer in', () => {
  const changing = guarded.filter(({ method }) => method !== 'get');
  expect(changing.filter((shape) => roleNeeded(shape) === 'viewer').map((one) => one.operationId)).toEqual(
    [],
  );
});

test('a route that says nothing of roles takes an admin, or a viewer to read', () => {
  expect(roleNeeded({ method: 'post' })).toBe('admin');
  expect(roleNeeded({ method: 'delete' })).toBe('admin');
  expect(roleNeeded({ method: 'get' })).toBe('viewer');
});

test('the document says the role of every operation', async () => {
  const { paths } = (await api.call('GET', '/api/openapi.json')).body;
  for (const shape of shapes) {
    const operation = paths[shape.path][shape.method];
    if (shape.open === true) expect(operation.security).toEqual([]);
    else expect(operation['x-role']).toBe(roleNeeded(shape));
  }
});
