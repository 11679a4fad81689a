import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { insertAudience } from '../../src/db/audiences.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';

const db = await testDatabase();
const api = await testApi(db);
const call = async (method: string, path: string, body?: unknown) => await api.call(method, path, body);
const newest = async () => (await call('GET', '/api/audit?limit=1')).body.data[0];

test('a thing that has one address has a `before`, and asking what would be changes nothing', async () => {
  await call('PATCH', '/api/retention', { days: 30 });
  expect(await newest()).toMatchObject({
    resource: '/api/retention',
    before: { days: null },
    after: { days: 30 },
    changed: expect.arrayContaining(['days', 'changedAt']),
  });
  await call('PATCH', '/api/retention', { days: 20, dryRun: true });
  expect(await newest()).toMatchObject({ before: { days: 30 }, after: { days: 20 }, changed: [] });
  await call('PATCH', '/api/retention', { days: null });
  expect(await newest()).toMatchObject({ before: { days: 30 }, after: { days: null } });
  const keys = (await call('GET', '/api/keys')).body;
  await call('POST', '/api/keys/rotate');
  expect(await newest()).toMatchObject({
    action: 'rotateSecretKey',
    resource: '/api/keys',
    before: { current: keys.current },
  });
});

test('a thing that stands below another is its own `before`', async () => {
  const settings = { url: 'http://127.0.0.1:9/x' };
  const { id } = (await call('POST', '/api/destinations', { type: 'webhook', name: 'W', settings })).body;
  const key = { id: randomUUID(), key: 'k', computationId: null, externalId: 'L1', settings: {} };
  await insertAudience(db, id, { ...key, name: 'K' });
  const at = `/api/destinations/${id}/audiences/${key.id}`;
  await call('PATCH', at, { name: 'L' });
  expect(await newest()).toMatchObject({
    resource: at,
    before: { name: 'K' },
    after: { name: 'L' },
    changed: ['name', 'updatedAt'],
  });
  await call('DELETE', at);
  expect(await newest()).toMatchObject({ resource: at, before: { name: 'L' }, after: null });
  await call('POST', `/api/destinations/${id}/audiences`, { key: 'k' });
  expect(await newest()).toMatchObject({
    resource: `/api/destinations/${id}/audiences`,
    before: null,
    result: 'refused',
  });
  await call('POST', `/api/destinations/${id}/test`);
  expect(await newest()).toMatchObject({ before: { name: 'W' }, after: { ok: false }, changed: [] });
});
