import { once } from 'node:events';
import { connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import { rawText } from '../support/events.ts';
import { archivedOf, basic, newKey, rejectedOf, send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });
const { sourceId, writeKey } = await newKey(db);
const authorization = basic(writeKey);
const event = '{"type":"track","event":"e","userId":"u"}';
const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

test('success is exactly 200 with a JSON body', async () => {
  for (const [path, body] of [
    ['/v1/track', event],
    ['/v1/batch', `{"batch":[${event}]}`],
    ['/v1/batch', '{"batch":[]}'],
  ] as const) {
    const answer = await send(url + path, { headers: { authorization }, body });
    expect(answer.status).toBe(200);
    expect(answer.body).toBe('{"success":true}');
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers['content-length']).toBe('16');
  }
});

const refused: [
  string,
  { path?: string; headers?: Record<string, string>; body: string | Uint8Array },
  number,
  string,
][] = [
  ['no JSON', { body: 'hello' }, 400, 'malformed_json'],
  ['nothing', { body: '' }, 400, 'malformed_json'],
  ['half a JSON', { body: '{"batch":[' }, 400, 'malformed_json'],
  ['two JSONs', { body: '{} {}' }, 400, 'malformed_json'],
  ['a raw NUL', { body: '{"userId":"\0"}' }, 400, 'malformed_json'],
  ['no UTF-8', { body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) }, 400, 'malformed_utf8'],
  [
    'half a character',
    { body: Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc3])]) },
    400,
    'malformed_utf8',
  ],
  ['a surrogate in UTF-8', { body: Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]) }, 400, 'malformed_utf8'],
  [
    'a call that is too deep',
    { path: '/v1/track', body: `{"userId":"u","a":${nested(100)}}` },
    400,
    'too_deep',
  ],
  ['a batch beyond all measure', { body: `{"batch":[${nested(200_000)}]}` }, 400, 'too_deep'],
  [
    'a batch whose context is too deep',
    { body: `{"batch":[${event}],"context":{"a":${nested(99)}}}` },
    400,
    'too_deep',
  ],
  ['no batch', { body: '{}' }, 400, 'no_batch'],
  ['a batch that is an object', { body: '{"batch":{}}' }, 400, 'no_batch'],
  ['a batch of bare events', { body: `[${event}]` }, 400, 'no_batch'],
  ['no gzip', { headers: { 'content-encoding': 'gzip' }, body: event }, 400, 'malformed_encoding'],
  [
    'half a gzip',
    { headers: { 'content-encoding': 'gzip' }, body: gzipSync(event).subarray(0, 30) },
    400,
    'malformed_encoding',
  ],
  ['an unknown encoding', { headers: { 'content-encoding': 'zip' }, body: event }, 400, 'malformed_encoding'],
  [
    'a name that every object has',
    { headers: { 'content-encoding': 'constructor' }, body: event },
    400,
    'malformed_encoding',
  ],
  ['a large body', { body: `{"batch":[],"x":"${'x'.repeat(525_000)}"}` }, 413, 'body_too_large'],
  ['a large batch', { body: `{"batch":["${'x'.repeat(512_000)}"]}` }, 413, 'body_too_large'],
  [
    'a gzip bomb',
    { headers: { 'content-encoding': 'gzip' }, body: gzipSync(Buffer.alloc(20_000_000, ' ')) },
    413,
    'body_too_large',
  ],
  [
    'a deflate bomb',
    { headers: { 'content-encoding': 'deflate' }, body: deflateSync(Buffer.alloc(20_000_000, ' ')) },
    413,
    'body_too_large',
  ],
  [
    'a brotli bomb',
    { headers: { 'content-encoding': 'br' }, body: brotliCompressSync(Buffer.alloc(20_000_000, ' ')) },
    413,
    'body_too_large',
  ],
];

test.each(refused)('%s is refused', async (_, { path = '/v1/batch', headers, body }, status, code) => {
  const answer = await send(url + path, { headers: { authorization, ...headers }, body });
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toBe('application/json');
  expect(JSON.parse(answer.body)).toEqual({ code, message: expect.stringMatching(/.{10}/) as string });
});

test('a body without a length is counted as it comes', async () => {
  const parts = Array.from({ length: 80 }, () => 'x'.repeat(8_192));
  const answer = await send(`${url}/v1/batch`, { headers: { authorization }, body: parts });
  expect(answer.status).toBe(413);
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'body_too_large' });
});

test('a batch of just 500 KB is taken', async () => {
  const start = '{"type":"page","userId":"u","messageId":"m","properties":{"t":"';
  const item = (length: number, id: number) =>
    `${start.replace('"m"', `"large-${String(id).padStart(2, '0')}"`)}${'x'.repeat(length - start.length - 3 - 7)}"}}`;
  const items = Array.from({ length: 16 }, (_, index) => item(31_990, index));
  const body = `{"batch":[${items.join(',')}]}`;
  expect(body.length).toBeGreaterThan(511_000);
  const before = (await archivedOf(db, sourceId)).length;
  expect(await send(`${url}/v1/batch`, { headers: { authorization }, body })).toMatchObject({ status: 200 });
  expect(await archivedOf(db, sourceId)).toHaveLength(before + items.length);
});

test.each([
  ['no key at all', {}, event, 'write_key_missing'],
  ['an unknown key', { authorization: basic('nobody') }, event, 'write_key_unknown'],
  ['an unknown key in the body', {}, '{"writeKey":"nobody","userId":"u","event":"e"}', 'write_key_unknown'],
  ['a key that is no text', {}, '{"writeKey":5,"userId":"u","event":"e"}', 'write_key_missing'],
  ['a key with NUL', { authorization: basic('a\0b') }, event, 'write_key_unknown'],
  ['a lone surrogate as key', {}, '{"writeKey":"\\ud800","userId":"u","event":"e"}', 'write_key_unknown'],
  ['an endless key', { authorization: basic('x'.repeat(5_000)) }, event, 'write_key_unknown'],
  ['an Authorization that says nothing', { authorization: 'Basic' }, event, 'write_key_missing'],
  [
    'an unknown key beside a good one in the body',
    { authorization: basic('nobody') },
    `{"writeKey":"${writeKey}","userId":"u","event":"e"}`,
    'write_key_unknown',
  ],
] as const)('%s is answered 401', async (_, headers, body, code) => {
  const answer = await send(`${url}/v1/track`, { headers: { ...headers }, body });
  expect(answer.status).toBe(401);
  expect(JSON.parse(answer.body)).toEqual({ code, message: expect.stringMatching(/.{10}/) as string });
  expect(answer.headers['www-authenticate']).toBeUndefined(); // a browser would ask the visitor for a password
});

test('a blocked source is refused at every door, until it is freed', async () => {
  const key = await newKey(db);
  const headers = { authorization: basic(key.writeKey) };
  const status = async () => (await send(`${url}/v1/track`, { headers, body: event })).status;
  expect(await status()).toBe(200);
  await db.run(sql`update source set blocked_at = now() where id = ${key.sourceId}`);
  await expect.poll(status, { timeout: 5_000 }).toBe(401);
  const before = (await archivedOf(db, key.sourceId)).length;
  const inBody = event.replace('{', `{"writeKey":"${key.writeKey}",`);
  const answers = [
    await send(`${url}/v1/batch`, { headers, body: `{"batch":[${event}]}` }),
    await send(`${url}/v1/track`, { body: inBody }),
    await send(`${url}/v1/projects/${key.writeKey}/settings`, { method: 'GET' }),
    await send(`${url}/sourceConfig/`, { method: 'GET', headers }),
    await send(`${url}/analytics.js/v1/${key.writeKey}/analytics.min.js`, { method: 'GET' }),
  ];
  for (const { status: refused, body } of answers) {
    expect(refused).toBe(401);
    expect(JSON.parse(body)).toMatchObject({ code: 'source_blocked' });
  }
  const pixel = `${url}/v1/pixel/track?data=${Buffer.from(inBody).toString('base64url')}`;
  expect(await send(pixel, { method: 'GET' })).toMatchObject({ status: 200 });
  expect(await archivedOf(db, key.sourceId)).toHaveLength(before);
  await db.run(sql`update source set blocked_at = null where id = ${key.sourceId}`);
  await expect.poll(status, { timeout: 5_000 }).toBe(200);
});

test('a revoked key is refused, and taken when it is accepted again', async () => {
  const key = await newKey(db);
  const headers = { authorization: basic(key.writeKey) };
  const status = async () => (await send(`${url}/v1/track`, { headers, body: event })).status;
  expect(await status()).toBe(200);
  await db.run(sql`update write_key set expires_at = now() where key = ${key.writeKey}`);
  await expect.poll(status, { timeout: 5_000 }).toBe(401);
  await db.run(sql`update write_key set expires_at = now() + interval '1 hour' where key = ${key.writeKey}`);
  await expect.poll(status, { timeout: 5_000 }).toBe(200);
  await db.run(sql`update source set deleted_at = now() where id = ${key.sourceId}`);
  await expect.poll(status, { timeout: 5_000 }).toBe(401);
});

test('a browser’s preflight is answered for every address, with what it asked for', async () => {
  for (const path of ['/v1/batch', '/v1/b', '/v1/t', '/v1/track/', '/v1/import/']) {
    const answer = await send(url + path, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://shop.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,anonymousid,x-retry-count',
      },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': 'https://shop.example',
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': 'authorization,content-type,anonymousid,x-retry-count',
      'access-control-max-age': '86400',
      vary: 'Origin',
    });
    expect(answer.headers['access-control-allow-methods']).toContain('POST');
  }
});

test('every answer can be read by a page of any origin', async () => {
  const answers = [
    await send(`${url}/v1/t`, { headers: { authorization, origin: 'null' }, body: event }),
    await send(`${url}/v1/t`, { headers: { authorization, origin: 'null' }, body: '' }),
    await send(`${url}/v1/t`, { headers: { origin: 'null' }, body: event }),
    await send(`${url}/v1/b`, { headers: { authorization, origin: 'null' }, body: ' '.repeat(600_000) }),
    await send(`${url}/v1/b`, { method: 'GET', headers: { origin: 'null' } }),
  ];
  expect(answers.map((answer) => answer.status)).toEqual([200, 400, 401, 413, 405]);
  for (const { headers } of answers) {
    expect(headers['access-control-allow-origin']).toBe('null');
    expect(headers['access-control-expose-headers']).toContain('Retry-After');
  }
  const outside = await send(`${url}/v1/t`, { headers: { authorization }, body: event });
  expect(outside.headers['access-control-allow-origin']).toBe('*');
});

test('other methods are refused without a look at the body', async () => {
  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
    const answer = await send(`${url}/v1/track`, { method, headers: { authorization } });
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'POST, OPTIONS' } });
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'method_not_allowed' });
  }
});

test('a client that breaks off leaves nothing behind, and the next one is served', async () => {
  const before = (await archivedOf(db, sourceId)).length;
  const { port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(
    `POST /v1/track HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\ncontent-length: 500\r\n\r\n{"userId"`,
  );
  await once(socket, 'connect');
  socket.resetAndDestroy();
  await once(socket, 'close');
  expect(await send(`${url}/v1/track`, { headers: { authorization }, body: event })).toMatchObject({
    status: 200,
  });
  expect(await archivedOf(db, sourceId)).toHaveLength(before + 1);
});

test('a byte order mark in front of the JSON is passed over', async () => {
  const key = await newKey(db);
  const headers = { authorization: basic(key.writeKey) };
  expect(await send(`${url}/v1/track`, { headers, body: `\ufeff ${event}` })).toMatchObject({ status: 200 });
  expect((await archivedOf(db, key.sourceId)).map(rawText)).toEqual([event]);
  expect(await rejectedOf(db, key.sourceId)).toEqual([]);
});
