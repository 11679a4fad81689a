import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { adminToken, answered, testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { shapes } from '../support/documented.ts';

const api = await testApi(await testDatabase());
const bearer = { authorization: `Bearer ${adminToken}` };
const json = { 'content-type': 'application/json' };

const fetched = async (path: string, init: RequestInit = {}) =>
  await answered(await fetch(api.url + path, init));

describe('bodies', () => {
  const post = async (body: string | Buffer, headers: Record<string, string> = json) =>
    await fetched('/api/sources', { method: 'POST', headers: { ...bearer, ...headers }, body });

  test.each([
    ['{"name": "Shop"', '/name', 1, 16],
    ['{"name": "Shop",}', '/name', 1, 17],
    ['{\n  "name": Shop\n}', '/name', 2, 11],
    ['{"a": {"b": [1, 2 3]}}', '/a/b/1', 1, 19],
    ['', '', 1, 1],
  ])('%j is refused with the place of the fault', async (text, pointer, line, column) => {
    const refused = await post(text);
    expect(refused.body).toMatchObject({ status: 400, code: 'malformed_json' });
    if (text === '') return;
    expect(refused.body).toMatchObject({ line, column });
    expect(refused.body.errors).toEqual([
      { pointer, detail: expect.stringContaining(`Line ${line}, column ${column}: expected`) },
    ]);
  });

  test.each([
    ['{"name": "Shop", "name": "Store"}', '/name', 1, 18],
    ['{"name": "Shop",\n "n\\u0061me": "Shop"}', '/name', 2, 2],
    ['{"x": {"a/b": [1, {"": 1, "~": {}, "": 1}]}}', '/x/a~1b/1/', 1, 36],
    ['{"__proto__": 1, "__proto__": 2}', '/__proto__', 1, 18],
    ['{"a": {"x": 1}, "b": [{"x": 1}, {"x": 1, "y": {"x": 1}}], "a": 1}', '/a', 1, 59],
  ])('%j has a member twice and is refused with its place', async (text, pointer, line, column) => {
    const refused = await post(text);
    expect(refused.body).toMatchObject({ status: 400, code: 'repeated_member', line, column });
    expect(refused.body.errors).toEqual([
      { pointer, detail: expect.stringMatching(/twice.*Send it once\.$/) },
    ]);
    expect(refused.body.detail).toContain(`${pointer}: `);
  });

  test('with a member twice are refused by every route that takes one', async () => {
    const taking = shapes.filter(({ method, upload }) => method !== 'get' && upload === undefined);
    for (const { method, path } of taking) {
      const address = path.replaceAll(/\{\w+\}/g, randomUUID());
      const refused = await api.call(method.toUpperCase(), address, '{"name":"a","name":"b"}');
      expect(refused.body, `${method} ${path}`).toMatchObject({ status: 400, code: 'repeated_member' });
    }
  });

  test('bytes that are not UTF-8 are refused, not replaced', async () => {
    const refused = await post(Buffer.from('{"name":"\xff"}', 'latin1'));
    expect(refused.body).toMatchObject({ status: 400, code: 'malformed_json' });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1'])(
    'of type %s are refused',
    async (type) => {
      expect((await post('{"name":"Shop"}', { 'content-type': type })).body).toMatchObject({
        status: 415,
        code: 'unsupported_media_type',
      });
    },
  );

  test('JSON by its other names is taken, compressed too', async () => {
    expect((await post('{"name":"a"}', { 'content-type': 'application/json; charset=UTF-8' })).status).toBe(
      201,
    );
    expect((await post('{"name":"a"}', { 'content-type': 'application/merge-patch+json' })).status).toBe(201);
    const gzip = { ...json, 'content-encoding': 'gzip' };
    expect((await post(gzipSync('{"name":"a"}'), gzip)).status).toBe(201);
    expect((await post('not gzip', gzip)).body).toMatchObject({ status: 400, code: 'malformed_json' });
    expect((await post('x', { ...json, 'content-encoding': 'x-own' })).body.status).toBe(415);
  });

  test('that are too large are refused, also when they only grow on inflation', async () => {
    const large = JSON.stringify({ name: 'x'.repeat(1_100_000) });
    expect((await post(large)).body).toMatchObject({ status: 413, code: 'body_too_large' });
    const bomb = await post(gzipSync(Buffer.alloc(50_000_000, 32)), { ...json, 'content-encoding': 'gzip' });
    expect(bomb.body).toMatchObject({ status: 413, code: 'body_too_large' });
  });

  test('a body of 500,000 open brackets is refused and harms nothing', async () => {
    expect((await post('['.repeat(500_000))).body.code).toBe('malformed_json');
    expect((await post('['.repeat(400_000) + ']'.repeat(400_000))).body.code).toBe('invalid_body');
    expect((await fetched('/healthz')).status).toBe(200);
  });

  test('that are nested too deep are refused wherever that is', async () => {
    const settings = (levels: number) =>
      JSON.parse(`{"x":${'['.repeat(levels)}${']'.repeat(levels)}}`) as object;
    const connect = (levels: number) =>
      api.call('POST', '/api/destinations', { type: 'webhook', name: 'W', settings: settings(levels) });
    expect((await connect(3_000)).body).toMatchObject({
      code: 'invalid_body',
      errors: [{ pointer: '', detail: expect.stringContaining('100 levels') }],
    });
    expect((await connect(97)).body.errors).toContainEqual(
      expect.objectContaining({ pointer: '/settings/x' }),
    );
  });

  test('__proto__ is a field like any other', async () => {
    const refused = await post('{"name":"a","__proto__":{"polluted":true}}');
    expect(refused.body.code).toBe('invalid_body');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('a route without a body refuses one', async () => {
    const refused = await api.call('POST', `/api/replays/${randomUUID()}/pause`, { now: true });
    expect(refused.body).toMatchObject({ status: 422, code: 'invalid_body' });
  });
});
