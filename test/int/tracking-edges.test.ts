import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { testDatabase } from '../support/database.ts';
import { archivedOf, basic, newKey, send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });
const origin = 'https://shop.example';
const event = '{"type":"track","event":"e","userId":"u"}';

/** A body whose batch has as many bytes as said, `[` and `]` included, and which has so many itself. */
function bodyOf(batchBytes: number, bodyBytes: number): string {
  const items = Array.from({ length: 15 }, () => event.replace('}', `,"x":"${'x'.repeat(32_000)}"}`)).join(
    ',',
  );
  const last = event.replace('}', `,"x":""}`);
  const room = batchBytes - items.length - last.length - '[,]'.length;
  const batch = `[${items},${last.replace('""}', `"${'x'.repeat(room)}"}`)}]`;
  const body = `{"batch":${batch},"y":""}`;
  return body.replace('"y":""', `"y":"${'y'.repeat(bodyBytes - body.length)}"`);
}

test.each([
  ['a batch of 512,000 bytes', 512_000, 513_000, 200],
  ['a batch of 512,001 bytes', 512_001, 513_000, 413],
  ['a body of 524,288 bytes', 500_000, 524_288, 200],
  ['a body of 524,289 bytes', 500_000, 524_289, 413],
])('to the byte: %s', async (_, batchBytes, bodyBytes, status) => {
  const body = bodyOf(batchBytes, bodyBytes);
  expect(Buffer.byteLength(body)).toBe(bodyBytes);
  expect(JSON.stringify((JSON.parse(body) as { batch: unknown }).batch)).toHaveLength(batchBytes);
  const half = body.length / 2;
  for (const sent of [
    { body },
    { body: [body.slice(0, half), body.slice(half)] }, // without a length
    { body: gzipSync(body), headers: { 'content-encoding': 'gzip' } },
  ]) {
    const { sourceId, writeKey } = await newKey(db);
    const headers = { authorization: basic(writeKey), ...sent.headers };
    const answer = await send(`${url}/v1/batch`, { headers, body: sent.body });
    expect(answer.status).toBe(status);
    expect(await archivedOf(db, sourceId)).toHaveLength(status === 200 ? 16 : 0);
  }
});

test.each([
  [512_000, 200],
  [512_001, 413],
])('a batch of %i bytes, one item of which is not JSON: %i', async (bytes, status) => {
  const good = '{"type":"track","event":"e","userId":"u"}';
  const bad = '{"type":"track","event":"e","userId":"u","properties":{"n":NaN,"filler":"';
  const rest = '"}}';
  const filler = 'x'.repeat(bytes - `[${good},${bad}${rest} ]`.length);
  const { sourceId, writeKey } = await newKey(db);
  const body = `{"batch":[${good},${bad}${filler}${rest} ]}`;
  const answer = await send(`${url}/v1/batch`, { headers: { authorization: basic(writeKey) }, body });
  expect(answer.status).toBe(status);
  expect(await archivedOf(db, sourceId)).toHaveLength(status === 200 ? 1 : 0);
});

/** What clients load before they send, by its door. */
const loaded = (writeKey: string): Record<string, string> => ({
  settings: `/v1/projects/${writeKey}/settings`,
  sourceConfig: `/sourceConfig/?writeKey=${writeKey}`,
  script: `/analytics.js/v1/${writeKey}/analytics.min.js`,
  bundle: '/analytics-next/bundles/ajs-destination.bundle.40628baed746e9904edc.js',
});

test.each(Object.keys(loaded('')))('a page of any origin may load the %s', async (door) => {
  const { writeKey } = await newKey(db);
  const address = url + loaded(writeKey)[door]!;
  const headers = {
    origin,
    'access-control-request-method': 'GET',
    'access-control-request-headers': 'authorization',
  };
  expect(await send(address, { method: 'OPTIONS', headers })).toMatchObject({
    status: 200,
    body: '',
    headers: {
      'access-control-allow-origin': origin,
      'access-control-allow-headers': 'authorization',
      'access-control-allow-methods': expect.stringContaining('GET') as string,
    },
  });
  const answer = await send(address, { method: 'GET', headers: { origin } });
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject({
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    vary: expect.stringMatching(/^Origin/) as string,
  });
  const outside = await send(address, { method: 'GET' });
  expect(outside.headers['access-control-allow-origin']).toBe('*');
});

test('a source configuration is found by its key in the address as well as by that in the header', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const ask = (query: string, headers: Record<string, string> = {}) =>
    send(`${url}/sourceConfig/${query}`, { method: 'GET', headers });
  for (const answer of [
    await ask(`?p=web&writeKey=${writeKey}&v=3`),
    await ask('', { authorization: basic(writeKey) }),
    await ask('?writeKey=nobody', { authorization: basic(writeKey) }),
  ]) {
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ source: { id: sourceId, writeKey } });
  }
  for (const [answer, code] of [
    [await ask('?writeKey=nobody'), 'write_key_unknown'],
    [await ask('?writeKey='), 'write_key_missing'],
    [await ask(''), 'write_key_missing'],
    [await ask(`?writeKey=${writeKey}`, { authorization: basic('nobody') }), 'write_key_unknown'],
  ] as const) {
    expect(answer.status).toBe(401);
    expect(JSON.parse(answer.body)).toMatchObject({ code });
  }
});

test('a key that is none costs Postgres one look for all of its requests of a second', async () => {
  const queries: unknown[] = [];
  const counted: Database = {
    ...db,
    rows: (statement) => {
      queries.push(statement);
      return db.rows(statement);
    },
  };
  const { url: own } = await trackingServer({ db: counted });
  const headers = { authorization: basic('nobody') };
  const begun = performance.now();
  for (let turn = 0; turn < 40; turn++) {
    const answers = await Promise.all(
      ['/v1/track', '/v1/batch', '/v1/i'].map((path) => send(own + path, { headers, body: event })),
    );
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401]);
  }
  const seconds = Math.floor((performance.now() - begun) / 1_000);
  expect(queries.length).toBeGreaterThanOrEqual(1);
  expect(queries.length).toBeLessThanOrEqual(1 + seconds);
});
