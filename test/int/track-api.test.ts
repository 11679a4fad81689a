import { randomUUID } from 'node:crypto';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { rawText } from '../support/events.ts';
import { credentials, trackClient } from '../support/track-api.ts';
import { archivedOf, basic, completedOf, newKey, send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });

const person = '"type":"person","identifiers":{"id":"5"}';
const relations =
  '[{"identifiers":{"object_type_id":"1","object_id":"acme"},"relationship_attributes":{"role":"admin"}},{"identifiers":{"object_id":7}}]';
const people =
  '[{"identifiers":{"id":"5"},"relationship_attributes":{"role":"admin"}},{"identifiers":{"cio_id":"0301"},"since":1}]';
const acme = '"type":"object","identifiers":{"object_type_id":"1","object_id":"acme"}';

/** What is asked, and the events that it becomes, letter for letter. */
const operations: readonly (readonly [call: string, body: string, ...events: string[]])[] = [
  [
    'PUT /api/v1/customers/5',
    '{"email":"a@b.c"}',
    '{"type":"identify","userId":"5","traits":{"email":"a@b.c"}}',
  ],
  ['PUT /api/v1/customers/5/', '', '{"type":"identify","userId":"5","traits":{}}'],
  [
    'PUT /api/v1/customers/a%2Bb%40c.de',
    '{"_update":true,"created_at":1361205308,"anonymous_id":"x","_timestamp":1700000000}',
    '{"type":"identify","userId":"a+b@c.de","anonymousId":"x","timestamp":"2023-11-14T22:13:20.000Z","traits":{"_update":true,"created_at":1361205308,"anonymous_id":"x","_timestamp":1700000000,"email":"a+b@c.de"}}',
  ],
  [
    'PUT /api/v1/customers/cio_0300',
    '{"id":"6"}',
    '{"type":"identify","userId":"cio_0300","traits":{"id":"6"}}',
  ],
  ['PUT /api/v1/customers/a%2Fb%20%C3%A9', '{}', '{"type":"identify","userId":"a/b é","traits":{}}'],
  ['PUT /api/v1/customers/50%', '{}', '{"type":"identify","userId":"50%","traits":{}}'],
  [
    'PUT /api/v1/customers/5',
    `{"cio_relationships":{"action":"add_relationships","relationships":${relations}}}`,
    `{"type":"identify","userId":"5","traits":{"cio_relationships":{"action":"add_relationships","relationships":${relations}}}}`,
    '{"type":"group","userId":"5","groupId":"acme","traits":{"objectTypeId":"1","relationshipAttributes":{"role":"admin"}}}',
    '{"type":"group","userId":"5","groupId":7,"traits":{}}',
  ],
  ['DELETE /api/v1/customers/5', '', '{"type":"track","userId":"5","event":"User Deleted"}'],
  [
    'POST /api/v1/customers/5/events',
    '{"name":"purchase","data":{"price":23.45,"_timestamp":1700000000}}',
    '{"type":"track","userId":"5","event":"purchase","properties":{"price":23.45,"_timestamp":1700000000}}',
  ],
  [
    'POST /api/v1/customers/5/events',
    '{"type":"page","name":"/home","id":"01H","timestamp":1700000000,"anonymous_id":"an"}',
    '{"type":"page","userId":"5","anonymousId":"an","messageId":"01H","timestamp":"2023-11-14T22:13:20.000Z","name":"/home"}',
  ],
  [
    'POST /api/v1/customers/5/events',
    '{"type":"screen","name":"Start","data":null,"attributes":{"own":1}}',
    '{"type":"screen","userId":"5","name":"Start","context":{"customerio":{"body":{"attributes":{"own":1}}}}}',
  ],
  [
    'POST /api/v1/events',
    '{"name":"e","anonymous_id":"an"}',
    '{"type":"track","anonymousId":"an","event":"e"}',
  ],
  ['POST /api/v1/events', '{"name":"e","data":{}}', '{"type":"track","event":"e","properties":{}}'],
  [
    'PUT /api/v1/customers/5/devices',
    '{"device":{"id":"t","platform":"ios","last_used":1,"attributes":{"a":1}}}',
    '{"type":"track","userId":"5","event":"Device Created or Updated","context":{"device":{"id":"t","platform":"ios","last_used":1,"attributes":{"a":1},"token":"t","type":"ios"}}}',
  ],
  [
    'DELETE /api/v1/customers/5/devices/a%2Fb',
    '{}',
    '{"type":"track","userId":"5","event":"Device Deleted","context":{"device":{"token":"a/b"}}}',
  ],
  ['POST /api/v1/customers/5/suppress', '', '{"type":"track","userId":"5","event":"User Suppressed"}'],
  ['POST /api/v1/customers/5/unsuppress', '{}', '{"type":"track","userId":"5","event":"User Unsuppressed"}'],
  [
    'POST /api/v1/merge_customers',
    '{"primary":{"email":"a@b.c"},"secondary":{"cio_id":"0301"}}',
    '{"type":"alias","userId":"a@b.c","previousId":"cio_0301","context":{"traits":{"email":"a@b.c"}}}',
  ],
  [
    'POST /api/v1/metrics',
    '{"delivery_id":"d","metric":"bounced","timestamp":1700000000,"reason":"r"}',
    '{"type":"track","timestamp":"2023-11-14T22:13:20.000Z","event":"Report Delivery Event","properties":{"reason":"r","deliveryId":"d","metric":"bounced"}}',
  ],
  [
    'POST /api/v1/push/events',
    '{"delivery_id":"d","event":"opened","device_id":"t"}',
    '{"type":"track","event":"Report Delivery Event","properties":{"device_id":"t","deliveryId":"d","metric":"opened"}}',
  ],
  [
    'POST /api/v2/entity',
    `{${person},"action":"identify","attributes":{"a":1},"cio_relationships":${relations}}`,
    '{"type":"identify","userId":"5","traits":{"a":1}}',
    '{"type":"group","userId":"5","groupId":"acme","traits":{"objectTypeId":"1","relationshipAttributes":{"role":"admin"}}}',
    '{"type":"group","userId":"5","groupId":7,"traits":{}}',
  ],
  [
    'POST /api/v2/entity',
    '{"type":"person","identifiers":{"email":"a@b.c","id":5},"action":"event","name":"e","timestamp":"1700000000","attributes":{},"more":[1]}',
    '{"type":"track","userId":5,"timestamp":"2023-11-14T22:13:20.000Z","event":"e","properties":{},"context":{"customerio":{"identifiers":{"email":"a@b.c","id":5},"more":[1]}}}',
  ],
  [
    'POST /api/v2/entity/',
    '{"type":"person","identifiers":{"anonymous_id":"an"},"action":"page","name":"/p"}',
    '{"type":"page","anonymousId":"an","name":"/p"}',
  ],
  [
    'POST /api/v2/entity',
    `{${person},"action":"screen","name":"s"}`,
    '{"type":"screen","userId":"5","name":"s"}',
  ],
  [
    'POST /api/v2/entity',
    `{${person},"action":"delete"}`,
    '{"type":"track","userId":"5","event":"User Deleted"}',
  ],
  [
    'POST /api/v2/entity',
    `{${person},"action":"add_device","device":{"token":"t","platform":"android"}}`,
    '{"type":"track","userId":"5","event":"Device Created or Updated","context":{"device":{"token":"t","platform":"android","type":"android"}}}',
  ],
  [
    'POST /api/v2/entity',
    `{${person},"action":"delete_device","device":{"token":"t"}}`,
    '{"type":"track","userId":"5","event":"Device Deleted","context":{"device":{"token":"t"}}}',
  ],
  [
    'POST /api/v2/entity',
    `{${person},"action":"delete_relationships","cio_relationships":[{"identifiers":{"object_type_id":"1","object_id":"acme"}}]}`,
    '{"type":"track","userId":"5","event":"Relationship Deleted","properties":{"objectId":"acme","objectTypeId":"1"},"context":{"groupId":"acme"}}',
  ],
  [
    'POST /api/v2/entity',
    `{${person},"action":"suppress"}`,
    '{"type":"track","userId":"5","event":"User Suppressed"}',
  ],
  [
    'POST /api/v2/entity',
    `{${person},"action":"unsuppress"}`,
    '{"type":"track","userId":"5","event":"User Unsuppressed"}',
  ],
  [
    'POST /api/v2/entity',
    '{"type":"person","action":"merge","primary":{"id":"1"},"secondary":{"id":"2"}}',
    '{"type":"alias","userId":"1","previousId":"2"}',
  ],
  [
    'POST /api/v2/entity',
    `{${acme},"action":"identify","attributes":{"name":"Acme"},"cio_relationships":${people}}`,
    '{"type":"group","userId":"5","groupId":"acme","traits":{"name":"Acme","objectTypeId":"1","relationshipAttributes":{"role":"admin"}}}',
    '{"type":"group","userId":"cio_0301","groupId":"acme","traits":{"objectTypeId":"1"},"context":{"customerio":{"since":1}}}',
  ],
  [
    'POST /api/v2/entity',
    `{${acme},"action":"identify","attributes":{"name":"Acme"}}`,
    '{"type":"group","groupId":"acme","traits":{"name":"Acme","objectTypeId":"1"}}',
  ],
  [
    'POST /api/v2/entity',
    `{${acme},"action":"identify_anonymous","anonymous_id":"an"}`,
    '{"type":"group","anonymousId":"an","groupId":"acme","traits":{"objectTypeId":"1"}}',
  ],
  [
    'POST /api/v2/entity',
    `{${acme},"action":"add_relationships","cio_relationships":[{"identifiers":{"email":"a@b.c"}}]}`,
    '{"type":"group","userId":"a@b.c","groupId":"acme","traits":{"objectTypeId":"1"},"context":{"traits":{"email":"a@b.c"}}}',
  ],
  [
    'POST /api/v2/entity',
    `{${acme},"action":"delete_relationships","cio_relationships":[{"identifiers":{"id":"5"}}]}`,
    '{"type":"track","userId":"5","event":"Relationship Deleted","properties":{"objectId":"acme","objectTypeId":"1"},"context":{"groupId":"acme"}}',
  ],
  [
    'POST /api/v2/entity',
    '{"type":"object","identifiers":{"cio_object_id":"ob1"},"action":"delete"}',
    '{"type":"track","event":"Object Deleted","properties":{"objectId":"ob1"},"context":{"groupId":"ob1","customerio":{"identifiers":{"cio_object_id":"ob1"}}}}',
  ],
  [
    'POST /api/v2/entity',
    '{"type":"delivery","action":"event","identifiers":{"id":"d"},"name":"opened","attributes":{"device_token":"t"}}',
    '{"type":"track","event":"Report Delivery Event","properties":{"device_token":"t","deliveryId":"d","metric":"opened"}}',
  ],
];

test.each(operations)('%s %s', async (call, body, ...events) => {
  const { sourceId, ask } = await trackClient(db, url);
  const answer = await ask(call, body);
  expect(answer).toMatchObject({ status: 200, body: '{}', headers: { 'content-type': 'application/json' } });
  const archived = await archivedOf(db, sourceId);
  expect(archived.map(rawText)).toEqual(events);
  for (const event of archived) {
    expect(event).toMatchObject({ origin: 'track_api', live: true });
    expect(completedOf(event)).toMatchObject(JSON.parse(rawText(event)) as object);
  }
});

test('what stands in attributes and data stays byte for byte', async () => {
  const { sourceId, ask } = await trackClient(db, url);
  const odd =
    String.raw`{ "a" : 9007199254740993 , "a":1e400,"b":-0.0, "c":"\u0000\ud800é\/",` +
    '\n\t"__proto__":{"constructor":1},"id":1,"event":[ ],"timestamp":"x" }';
  await ask('PUT /api/v1/customers/5', ` ${odd}\n`);
  await ask('POST /api/v1/customers/5/events', `{"name":"e","data": ${odd} }`);
  await ask('POST /api/v2/entity', `{${person},"action":"identify","attributes":${odd}}`);
  await ask(
    'POST /api/v2/batch',
    `{"batch":[ {${person},"action":"event","name":"\\u0065","attributes":${odd}} ]}`,
  );
  const raws = (await archivedOf(db, sourceId)).map(rawText);
  expect(raws).toHaveLength(4);
  for (const raw of raws) expect(raw).toContain(odd);
  expect(raws[3]).toContain(String.raw`"event":"\u0065"`);
});

test('the times of events are the times that were meant', async () => {
  const { sourceId, ask } = await trackClient(db, url);
  const before = Date.now();
  for (const timestamp of [
    '1700000000',
    '1700000000.25',
    '"2023-11-14T22:13:20Z"',
    '1700000000000',
    '"soon"',
    '-1',
    'null',
  ])
    await ask('POST /api/v1/customers/5/events', `{"name":"e","timestamp":${timestamp}}`);
  const archived = await archivedOf(db, sourceId);
  const times = archived.map((event) => event.timestamp.getTime());
  expect(times.slice(0, 3)).toEqual([1_700_000_000_000, 1_700_000_000_250, 1_700_000_000_000]);
  for (const time of times.slice(3)) expect(time).toBeGreaterThanOrEqual(before);
  expect(rawText(archived[1]!)).toContain('"context":{"customerio":{"timestamp":1700000000.25}}');
  for (const [index, event] of archived.entries())
    expect(completedOf(event)['timestamp'], String(index)).toMatch(/^20\d\d-.*Z$/);
});

test('the API key is the write key, else the site ID', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const event = () => `{"name":"e","id":"${randomUUID()}"}`;
  const status = async (authorization?: string) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const answer = await send(`${url}/api/v1/events`, {
      headers,
      body: event(),
    });
    return [answer.status, (JSON.parse(answer.body) as { code?: string }).code];
  };
  for (const good of [
    credentials('site', writeKey),
    credentials('', writeKey),
    basic(writeKey),
    credentials(writeKey, 'other'),
  ])
    expect(await status(good)).toEqual([200, undefined]);
  expect(await status(credentials('site', 'nobody'))).toEqual([401, 'write_key_unknown']);
  expect(await status(credentials('', ''))).toEqual([401, 'api_key_missing']);
  expect(await status(`Bearer ${writeKey}`)).toEqual([401, 'api_key_missing']);
  expect(await status()).toEqual([401, 'api_key_missing']);
  expect(await archivedOf(db, sourceId)).toHaveLength(4);
});

test('every encoding, with every content type', async () => {
  const { sourceId, ask } = await trackClient(db, url);
  const encodings: [string, (body: Buffer) => Buffer][] = [
    ['identity', (body) => body],
    ['gzip', (body) => gzipSync(body)],
    ['deflate', (body) => deflateSync(body)],
    ['deflate', (body) => deflateRawSync(body)],
    ['br', (body) => brotliCompressSync(body)],
  ];
  for (const [encoding, encode] of encodings) {
    for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded']) {
      const headers = { 'content-encoding': encoding, 'content-type': type };
      const answer = await ask(
        'POST /api/v1/customers/5/events',
        encode(Buffer.from('{"name":"e"}')),
        headers,
      );
      expect(answer, `${encoding} ${type}`).toMatchObject({ status: 200, body: '{}' });
    }
  }
  expect(await archivedOf(db, sourceId)).toHaveLength(15);
});

test('the region is asked for with a key, and names this server', async () => {
  const { ask } = await trackClient(db, url);
  const answer = await ask('GET /api/v1/accounts/region');
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body)).toEqual({ url, region: 'us', environment_id: 1 });
  expect(await send(`${url}/api/v1/accounts/region`, { method: 'GET' })).toMatchObject({ status: 401 });
});
