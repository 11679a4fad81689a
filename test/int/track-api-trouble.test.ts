import { expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { openDatabase } from '../../src/db/database.ts';
import { changeSource } from '../../src/db/sources.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import { rawText, trackEvent } from '../support/events.ts';
import { credentials, trackClient } from '../support/track-api.ts';
import { archivedOf, newKey, rejectedOf, send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });

interface Refused {
  readonly code?: string;
  readonly message?: string;
  readonly meta?: { readonly errors: readonly string[] };
  readonly errors?: readonly { readonly reason: string; readonly field: string; readonly message: string }[];
}
const parsed = (body: string) => JSON.parse(body) as Refused;
const person = '"type":"person","identifiers":{"id":"5"}';
const good = (id: string) => `{${person},"action":"event","name":"e","id":"${id}"}`;

/** Operations that cannot be taken, and the code and member that the answer names. */
const bad: readonly (readonly [item: string, code: string, field: string])[] = [
  ['7', 'not_an_object', ''],
  ['null', 'not_an_object', ''],
  ['[{}]', 'not_an_object', ''],
  ['{}', 'unknown_operation', 'type'],
  ['{"type":"person"}', 'unknown_operation', 'action'],
  ['{"type":"delivery","action":"delete"}', 'unknown_operation', 'action'],
  ['{"type":"constructor","action":"toString"}', 'unknown_operation', 'type'],
  ['{"type":"person","action":"identify"}', 'operation_incomplete', 'identifiers'],
  ['{"type":"person","action":"identify","identifiers":{"id":""}}', 'operation_incomplete', 'identifiers'],
  ['{"type":"person","action":"event","identifiers":[],"name":"e"}', 'operation_incomplete', 'identifiers'],
  [`{${person},"action":"event"}`, 'operation_incomplete', 'name'],
  [`{${person},"action":"page","name":7}`, 'operation_incomplete', 'name'],
  [`{${person},"action":"identify","attributes":[1]}`, 'operation_incomplete', 'attributes'],
  [`{${person},"action":"add_device","device":{"platform":"ios"}}`, 'operation_incomplete', 'device'],
  [`{${person},"action":"add_relationships"}`, 'operation_incomplete', 'cio_relationships'],
  [
    `{${person},"action":"add_relationships","cio_relationships":[7]}`,
    'operation_incomplete',
    'cio_relationships',
  ],
  ['{"type":"person","action":"merge","primary":{"id":1}}', 'operation_incomplete', 'secondary'],
  ['{"type":"object","action":"delete","identifiers":{"id":1}}', 'operation_incomplete', 'identifiers'],
  ['{"type":"delivery","action":"event","identifiers":{"id":"d"}}', 'operation_incomplete', 'name'],
  [`{${person},"action":"identify","attributes":{"t":"${'x'.repeat(33_000)}"}}`, 'event_too_large', ''],
  [
    `{${person},"action":"identify","attributes":{"d":${'['.repeat(500)}${']'.repeat(500)}}}`,
    'event_too_deep',
    '',
  ],
];

test('a batch that is bad in parts: the others are stored, the answer names the bad ones, all are kept', async () => {
  const { sourceId, ask } = await trackClient(db, url);
  const items = bad.flatMap(([item], index) => [good(`g${index}`), item]);
  const answer = await ask('POST /api/v2/batch', `{"batch":[${items.join(' , ')}]}`);
  expect(answer.status).toBe(207);
  const errors = bad.map(([, reason, field], index) => ({ batch_index: 2 * index + 1, reason, field }));
  expect(parsed(answer.body)).toMatchObject({ errors });
  for (const { message } of parsed(answer.body).errors!) expect(message.length).toBeGreaterThan(15);
  const archived = await archivedOf(db, sourceId);
  expect(archived.map(({ messageId }) => messageId)).toEqual(bad.map((_, index) => `g${index}`));
  const kept = (await rejectedOf(db, sourceId)).map(({ code, raw }) => [raw.toString(), code]);
  expect(kept).toEqual(bad.map(([item, code]) => [item, code]));
});

test('one operation that cannot be taken is a 400 in the shapes of v1 and v2, and kept', async () => {
  const { sourceId, ask } = await trackClient(db, url);
  for (const [item, reason, field] of bad) {
    const answer = await ask('POST /api/v2/entity', item);
    expect(answer.status, item.slice(0, 100)).toBe(400);
    const { code, message, meta, errors } = parsed(answer.body);
    expect(code).toBe(reason);
    expect(errors).toEqual([{ reason, field, message }]);
    expect(meta).toEqual({ errors: [message] });
  }
  expect(await rejectedOf(db, sourceId)).toHaveLength(bad.length);
  expect(await archivedOf(db, sourceId)).toEqual([]);
});

test('of v1 it is kept with what its address says', async () => {
  const { sourceId, ask } = await trackClient(db, url);
  const asked: readonly (readonly [call: string, body: string, field: string, kept: string])[] = [
    [
      'POST /api/v1/customers/5/events',
      '{"data":{"n":1e400}}',
      'name',
      `{${person},"action":"event","attributes":{"n":1e400}}`,
    ],
    [
      'POST /api/v1/customers/5/events',
      '{"name":"e","data":7}',
      'data',
      `{${person},"action":"event","name":"e","attributes":7}`,
    ],
    ['POST /api/v1/customers/5/events', '[ 1 ]', '', `{${person},"action":"event","body":[ 1 ]}`],
    ['PUT /api/v1/customers/5', '"x"', '', `{${person},"action":"identify","attributes":"x"}`],
    ['PUT /api/v1/customers/5/devices', '{}', 'device', `{${person},"action":"add_device"}`],
    [
      'POST /api/v1/merge_customers',
      '{"secondary":{"id":1}}',
      'primary',
      '{"type":"person","action":"merge","secondary":{"id":1}}',
    ],
    [
      'POST /api/v1/metrics',
      '{"metric":"opened"}',
      'identifiers',
      '{"type":"delivery","identifiers":{},"action":"event","name":"opened","attributes":{}}',
    ],
  ];
  for (const [call, body, field] of asked) {
    const answer = await ask(call, body);
    expect(answer.status, `${call} ${body}`).toBe(400);
    expect(parsed(answer.body).errors).toMatchObject([{ field }]);
  }
  const kept = await rejectedOf(db, sourceId);
  expect(kept.map(({ raw }) => raw.toString())).toEqual(asked.map(([, , , item]) => item));
});

test('a body that is none is refused as a whole', async () => {
  const { sourceId, ask } = await trackClient(db, url);
  const refused = async (call: string, body: string | Uint8Array, headers?: Record<string, string>) => {
    const answer = await ask(call, body, headers);
    expect(parsed(answer.body).meta?.errors).toEqual([parsed(answer.body).message]);
    return [answer.status, parsed(answer.body).code];
  };
  const event = 'POST /api/v1/customers/5/events';
  expect(await refused(event, '{"name":')).toEqual([400, 'malformed_json']);
  expect(await refused(event, Buffer.from([0x7b, 0xff, 0x7d]))).toEqual([400, 'malformed_utf8']);
  expect(await refused(event, 'x', { 'content-encoding': 'gzip' })).toEqual([400, 'malformed_encoding']);
  expect(await refused(event, ' '.repeat(600_000))).toEqual([413, 'body_too_large']);
  expect(await refused('POST /api/v2/entity', '')).toEqual([400, 'malformed_json']);
  expect(await refused('POST /api/v2/batch', '{}')).toEqual([400, 'no_batch']);
  expect(await refused('POST /api/v2/batch', '{"batch":{}}')).toEqual([400, 'no_batch']);
  const many = `{"batch":[${Array.from({ length: 2_501 }, () => '1').join(',')}]}`;
  expect(await refused('POST /api/v2/batch', many)).toEqual([413, 'too_many_events']);
  expect(await ask('POST /api/v2/batch', '{"batch":[]}')).toMatchObject({ status: 200, body: '{}' });
  expect(await archivedOf(db, sourceId)).toEqual([]);
  expect(await rejectedOf(db, sourceId)).toEqual([]);
});

test('an event sent again is stored once by its id, over v1 and v2', async () => {
  const { sourceId, ask } = await trackClient(db, url);
  const id = '01HF8QCV6ZC6W6WA4E7F8H9J0K';
  const v1 = `{"id":"${id}","name":"e","data":{"a":1},"timestamp":1700000000}`;
  const v2 = `{${person},"action":"event","name":"e","id":"${id}","timestamp":1700000000,"attributes":{"a":1}}`;
  for (let turn = 0; turn < 2; turn++) {
    expect(await ask('POST /api/v1/customers/5/events', v1)).toMatchObject({ status: 200 });
    expect(await ask('POST /api/v2/batch', `{"batch":[${v2},${v2}]}`)).toMatchObject({
      status: 200,
      body: '{}',
    });
  }
  expect(await archivedOf(db, sourceId)).toMatchObject([{ messageId: id }]);
  expect(await rejectedOf(db, sourceId)).toEqual([]);
  expect(await ask('POST /api/v1/customers/5/events', v1.replace('"a":1', '"a":2'))).toMatchObject({
    status: 200,
  });
  expect(await rejectedOf(db, sourceId)).toMatchObject([{ code: 'message_id_reused' }]);
});

test('a blocked source gets 401, one beyond its rate 429, each event of a batch counted', async () => {
  const { sourceId, writeKey } = await newKey(db);
  await changeSource(db, sourceId, { eventsPerSecond: 1 });
  const headers = { authorization: credentials('site', writeKey) };
  const batch = `{"batch":[${Array.from({ length: 40 }, (_, index) => good(`r${index}`)).join(',')}]}`;
  expect(await send(`${url}/api/v2/batch`, { headers, body: batch })).toMatchObject({ status: 200 });
  const tooFast = await send(`${url}/api/v1/events`, { headers, body: '{"name":"e"}' });
  expect(tooFast.status).toBe(429);
  expect(Number(tooFast.headers['retry-after'])).toBeGreaterThan(25);
  expect(parsed(tooFast.body)).toMatchObject({
    code: 'rate_limited',
    meta: { errors: [expect.any(String)] },
  });
  const other = await newKey(db);
  await changeSource(db, other.sourceId, { blocked: true });
  const blocked = await send(`${url}/api/v1/customers/5`, {
    method: 'DELETE',
    headers: { authorization: credentials('site', other.writeKey) },
  });
  expect(blocked.status).toBe(401);
  expect(parsed(blocked.body)).toMatchObject({ code: 'source_blocked' });
  expect(await archivedOf(db, sourceId)).toHaveLength(40);
});

test('our own trouble is a 503 with Retry-After', async () => {
  const away = openDatabase({ url: 'postgres://nobody@127.0.0.1:1/none', name: 'away' });
  const { url: troubled } = await trackingServer({ db: away });
  for (const [method, path] of [
    ['POST', '/api/v2/batch'],
    ['GET', '/api/v1/accounts/region'],
  ] as const) {
    const headers = { authorization: credentials('site', 'key') };
    const answer = await send(troubled + path, {
      method,
      headers,
      body: method === 'GET' ? '' : '{"batch":[1]}',
    });
    expect(answer.status).toBe(503);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(parsed(answer.body)).toMatchObject({
      code: 'unavailable',
      meta: { errors: [expect.any(String)] },
    });
  }
  await away.close();
});

test('nobody hears 200 before the commit', async () => {
  const { sourceId, ask } = await trackClient(db, url);
  const other = await newKey(db);
  let settled = false;
  let asked: Promise<unknown> = Promise.resolve();
  await db.transaction(async (tx) => {
    await appendEvents(tx, [trackEvent(other.sourceId)]); // holds the lock of all appends
    asked = ask('PUT /api/v1/customers/5', '{}').finally(() => (settled = true));
    const waiting = sql`select 1 from pg_stat_activity
      where wait_event = 'advisory' and datname = current_database()`;
    await expect.poll(() => db.rows(waiting)).toHaveLength(1);
    expect(settled).toBe(false);
    expect(await archivedOf(db, sourceId)).toEqual([]);
  });
  expect(await asked).toMatchObject({ status: 200, body: '{}' });
  expect((await archivedOf(db, sourceId)).map(rawText)).toHaveLength(1);
});

test('all of /api/v1 and /api/v2 belongs to this door, nothing else of /api does', async () => {
  for (const path of [
    '/api/v1',
    '/api/v1/',
    '/api/v2/nothing',
    '/api/v1/customers/',
    '/api/v1/customers/5/x',
    '/api/v1/track',
  ]) {
    const answer = await send(url + path, { body: '{}' });
    expect(answer.status, path).toBe(404);
    const { code, message } = parsed(answer.body);
    expect(code).toBe('unknown_track_address');
    for (const known of ['/api/v1/customers/{person}/events', '/api/v2/batch', '/api/v1/accounts/region'])
      expect(message).toContain(known);
  }
  for (const path of ['/api/v3/batch', '/api/events', '/api/v1x/events', '/api', '/api/v10'])
    expect(await send(url + path)).toMatchObject({ status: 404, body: 'not the tracking API' });
});

test('addresses name their methods, and pages of any origin may use them', async () => {
  const origin = 'https://shop.example';
  const answer = await send(`${url}/api/v1/customers/5`, { headers: { origin } });
  expect(answer).toMatchObject({ status: 405, headers: { allow: 'PUT, DELETE, OPTIONS' } });
  expect(parsed(answer.body)).toMatchObject({
    code: 'method_not_allowed',
    meta: { errors: [expect.any(String)] },
  });
  expect(answer.headers['access-control-allow-origin']).toBe(origin);
  const preflight = await send(`${url}/api/v1/customers/5`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'authorization',
    },
  });
  expect(preflight).toMatchObject({
    status: 200,
    headers: {
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
      'access-control-allow-headers': 'authorization',
    },
  });
});
