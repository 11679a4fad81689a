import { expect, test } from 'vitest';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';

const db = await testDatabase();
const api = await testApi(db);
// oxlint-disable-next-line typescript/no-explicit-any -- tests look into whatever came
const listed = async (): Promise<any[]> => (await api.call('GET', '/api/audit?limit=200')).body.data;
const viewer = (await api.call('POST', '/api/tokens', { name: 'Vi', role: 'viewer' })).body.token as string;

test.each([
  ['without a token', 401, 'POST', '/api/sources', { name: 'x' }, { authorization: '' }],
  ['without the role', 403, 'POST', '/api/sources', { name: 'x' }, { authorization: `Bearer ${viewer}` }],
  ['as no JSON', 400, 'POST', '/api/sources', '{', {}],
  ['of another type', 415, 'POST', '/api/sources', 'name=x', { 'content-type': 'text/plain' }],
  ['too large', 413, 'POST', '/api/sources', `"${'x'.repeat(1_048_576)}"`, {}],
  ['with a field that there is not', 422, 'POST', '/api/sources', { nmae: 'x' }, {}],
  ['with a query that there is not', 400, 'POST', '/api/sources?x=1', { name: 'x' }, {}],
  ['with no id', 404, 'POST', '/api/replays/x/pause', undefined, {}],
])('what is asked %s is not listed', async (_, status, method, path, body, headers) => {
  const before = await listed();
  expect((await api.call(method, path, body, headers)).status).toBe(status);
  expect(await listed()).toEqual(before);
});

test('what is refused for what was asked, once its fields are right, is listed', async () => {
  const wrong: [string, object][] = [
    ['/api/notifications', { url: 'http://10.0.0.1/x' }],
    ['/api/destinations', { type: 'webhook', name: 'W', settings: { ulr: 'https://example.com/x' } }],
  ];
  for (const [path, body] of wrong) {
    expect((await api.call('POST', path, body)).status).toBe(422);
    const [newest] = await listed();
    expect(newest).toMatchObject({ resource: path, result: 'refused', status: 422, code: 'invalid_body' });
  }
});

test('a POST that changes nothing is listed, and so is an answer that is given again', async () => {
  const key = { 'idempotency-key': 'k-1' };
  const before = (await listed()).length;
  for (const more of [1, 2]) {
    await api.call('POST', '/api/notifications', { url: 'http://127.0.0.1:9/x' }, key);
    expect(await listed()).toHaveLength(before + more);
  }
  const [, made] = await listed();
  expect(made).toMatchObject({ action: 'createNotification', result: 'done', status: 201 });
  await api.call('POST', `${made.resource}/test`);
  expect((await listed())[0]).toMatchObject({ action: 'testNotification', result: 'done', changed: [] });
});
