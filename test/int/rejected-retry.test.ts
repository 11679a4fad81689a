import { beforeEach, expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { rawText } from '../support/events.ts';
import { credentials } from '../support/track-api.ts';
import { archivedOf, basic, completedOf, newKey, send, trackingServer } from '../support/tracking.ts';
import { until } from '../support/until.ts';
import { upload } from '../support/uploads.ts';

const db = await testDatabase();
const api = await testApi(db);
const { url } = await trackingServer({ db });
let source = { sourceId: '', writeKey: '' };
beforeEach(async () => {
  source = await newKey(db);
});

const filled = 'x'.repeat(40_000);
const large = (more: object = {}) => ({
  type: 'track',
  event: 'e',
  userId: 'u',
  properties: { filled },
  ...more,
});
const text = (value: unknown) =>
  typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value);

async function post(path: string, body: unknown, { sourceId, writeKey } = source) {
  if (path === 'import') {
    const { status } = await upload(api.url, `/api/imports?sourceId=${sourceId}`, text(body));
    return expect(status).toBe(201);
  }
  const authorization = path.startsWith('/api/') ? credentials('site', writeKey) : basic(writeKey);
  const answer = await send(url + path, { headers: { authorization }, body: text(body) });
  expect([200, 207, 400]).toContain(answer.status);
}

const raise = async (maxEventBytes: number | null = 131_072, { sourceId } = source) =>
  (await api.call('PATCH', `/api/sources/${sourceId}`, { maxEventBytes })).body;

async function retry(body: object = { source: source.sourceId }) {
  const answer = await api.call('POST', '/api/rejected/retry', body);
  expect(answer.status).toBe(200);
  return answer.body;
}

const listed = async (query = '') =>
  (await api.call('GET', `/api/rejected?source=${source.sourceId}${query}`)).body.data;

const nothing = { accepted: 0, duplicates: 0, rejected: 0, impossible: [], nextCursor: null };

const deliveries: readonly (readonly [name: string, path: string, body: unknown, events?: number])[] = [
  [
    'a single call, whose type stands in the address',
    '/v1/track',
    { ...large({ messageId: 'm' }), type: undefined },
  ],
  [
    'an item that takes over context, integrations and sentAt of its batch',
    '/v1/batch',
    `{"sentAt":"2026-01-01T00:00:10Z","context":{"library":{"name":"l","version":"1"},"big":12345678901234567890,"library":{"name":"l","version":"2"}},"integrations":{"A":true,"All":false},"batch":[{"type":"identify","userId":"u"},{"messageId":"m","type":"track","event":"e","userId":"u","originalTimestamp":"2026-01-01T00:00:00Z","context":{"big":1},"integrations":{"B":false},"properties":{"exact":1e400,"filled":"${filled}"}}]}`,
    2,
  ],
  ['an event of the Track API, v1', '/api/v1/customers/5/events', { name: 'e', data: { filled }, id: 'm' }],
  ['one of nobody', '/api/v1/events', { name: 'e', data: { filled }, id: 'm' }],
  [
    'an operation of the Track API, v2',
    '/api/v2/entity',
    { type: 'person', action: 'event', name: 'e', identifiers: { id: '5' }, attributes: { filled }, id: 'm' },
  ],
  ['a line of a file', 'import', large({ messageId: 'm', timestamp: '2024-01-01T00:00:00Z' })],
  ['a line without a messageId', 'import', large({ timestamp: '2024-01-01T00:00:00Z' })],
];

const knownColumns = ['origin', 'type', 'name', 'userId', 'anonymousId', 'live', 'integrations'] as const;

for (const [name, path, body, events = 1] of deliveries) {
  test(`${name} is archived as if the limit had been raised before`, async () => {
    const other = await newKey(db);
    await raise(131_072, other);
    await post(path, body, other);
    const expected = await archivedOf(db, other.sourceId);
    expect(expected).toHaveLength(events);

    await post(path, body);
    const [rejected, ...more] = await listed();
    expect(rejected).toMatchObject({ code: 'event_too_large', retryObstacle: null });
    expect(more).toEqual([]);
    await raise();
    expect(await retry()).toEqual({ ...nothing, accepted: 1 });

    const archived = await archivedOf(db, source.sourceId);
    const known = (event: (typeof archived)[number]) => knownColumns.map((name) => event[name]);
    expect(archived.map(known)).toEqual(expected.map(known));
    expect(archived.map(rawText)).toEqual(expected.map(rawText));
    const [again, first] = [archived.at(-1)!, expected.at(-1)!];
    if (again.live) expect(again.receivedAt.toISOString()).toBe(rejected.receivedAt);
    const skew = (event: typeof again) => event.receivedAt.getTime() - event.timestamp.getTime();
    if (again.live) expect(skew(again)).toBe(skew(first));
    expect(completedOf(again)).toEqual({
      ...completedOf(first),
      ...(again.live && {
        receivedAt: again.receivedAt.toISOString(),
        timestamp: again.timestamp.toISOString(),
      }),
      ...(!again.live && { receivedAt: expect.any(String) }),
    });
    expect(await listed()).toEqual([]);
    expect(await retry()).toEqual(nothing);
  });
}

test('the limit of a source counts at its door within a second or so, and can be taken back', async () => {
  expect(await raise(null)).toMatchObject({ maxEventBytes: 32_768 });
  expect(await raise(65_536)).toMatchObject({ maxEventBytes: 65_536 });
  const taken = async () => {
    await post('/v1/track', large());
    return (await archivedOf(db, source.sourceId)).length;
  };
  await until('it is taken', taken, (count) => count > 0, { everyMs: 200 });
  expect(await raise(null)).toMatchObject({ maxEventBytes: 32_768 });
  const refused = async () => {
    await post('/v1/track', large());
    return (await listed('&from=2020-01-01T00:00:00Z')).length;
  };
  const before = (await listed()).length;
  await until('it is refused', refused, (count) => count > before, { everyMs: 200 });
  for (const maxEventBytes of [0, 1_023, 131_073, '65536']) {
    const answer = await api.call('PATCH', `/api/sources/${source.sourceId}`, { maxEventBytes });
    expect(answer.status).toBe(422);
  }
});

test('what cannot be accepted yet stays in the list, with the reason that holds now', async () => {
  await post('/v1/batch', {
    batch: [large({ userId: undefined, messageId: 'a' }), { type: 'track', event: 'e' }],
  });
  const before = await listed();
  expect(await retry()).toEqual({ ...nothing, rejected: 2 });
  expect(await listed()).toEqual(before);
  await raise();
  expect(await retry({ source: source.sourceId, code: 'event_too_large' })).toEqual({
    ...nothing,
    rejected: 1,
  });
  const after = await listed();
  expect(after.map(({ id }: { id: number }) => id)).toEqual(before.map(({ id }: { id: number }) => id));
  expect(after.map(({ code }: { code: string }) => code)).toEqual(['no_user', 'no_user']);
  expect(after[0].message).toBe(after[1].message);
});

test('one whose messageId was taken meanwhile stays, as that; the same event sent again is a duplicate', async () => {
  await post('/v1/batch', { batch: [large({ messageId: 'a' }), large({ messageId: 'b' })] });
  await raise();
  await post('/v1/track', { event: 'e', userId: 'u', messageId: 'a' });
  await until(
    'the raised limit is known',
    async () => {
      await post('/v1/batch', { batch: [large({ messageId: 'b' })] });
      return (await archivedOf(db, source.sourceId)).length;
    },
    (count) => count === 2,
    { everyMs: 200 },
  );
  const end = await retry();
  expect(end).toMatchObject({ accepted: 0, rejected: 1, impossible: [] });
  expect(end.duplicates).toBeGreaterThan(0);
  const [left, ...more] = await listed();
  expect(left).toMatchObject({
    code: 'message_id_reused',
    messageId: 'a',
    retryObstacle: 'message_id_reused',
  });
  expect(more).toEqual([]);
  expect(await retry()).toMatchObject({
    rejected: 0,
    impossible: [{ obstacle: 'message_id_reused', count: 1 }],
  });
  expect(await archivedOf(db, source.sourceId)).toHaveLength(2);
});

test('what is no JSON and too large as well costs the retry of those behind it nothing', async () => {
  const operation = (attributes: string) =>
    `{"type":"person","action":"event","identifiers":{"id":"u"},"name":"e","attributes":${attributes}}`;
  const items = [
    operation(`{"n":NaN,"filled":"${filled}"}`),
    operation(`{"n":"\xff","filled":"${filled}"}`),
    operation(`{"filled":"${filled}"}`),
  ];
  await post('/api/v2/batch', Buffer.from(`{"batch":[${items.join(',')}]}`, 'latin1'));
  await post('/v1/batch', `{"batch":[{"type":"track","event":"e","userId":"u","n":NaN,"f":"${filled}"}]}`);
  const obstacles = async () =>
    (await listed()).map((row: { retryObstacle: string | null }) => row.retryObstacle).toReversed();
  expect(await obstacles()).toEqual(['not_json', 'not_json', null, 'not_json']);
  // As an older version of the door may have kept them.
  await db.run(
    sql`update rejected_event set code = 'event_too_large' where source_id = ${source.sourceId} and code = 'malformed_json'`,
  );
  await raise();
  expect(await retry()).toEqual({ ...nothing, accepted: 1, rejected: 3 });
  expect(await obstacles()).toEqual(['not_json', 'not_json', 'not_json']);
});

test('which cannot be retried is said in the list and in the answer, and they stay as they were', async () => {
  await upload(api.url, `/api/imports?sourceId=${source.sourceId}`, 'type,event,userId\ntrack,e,\n');
  await upload(api.url, `/api/imports?sourceId=${source.sourceId}`, `{"type":"${'y'.repeat(1_100_000)}"}\n`);
  await upload(
    api.url,
    `/api/imports?sourceId=${source.sourceId}`,
    '{"type":"track","userId":"u","n":NaN}\n',
  );
  await post('/v1/track', large());
  await db.run(
    sql`update rejected_event set arrival = null where source_id = ${source.sourceId} and code = 'event_too_large'`,
  );
  const before = await listed();
  expect(before.map(({ retryObstacle }: { retryObstacle: string }) => retryObstacle)).toEqual([
    'arrival_unknown',
    'not_json',
    'cut',
    'csv_row',
  ]);
  await raise();
  const { impossible, ...counts } = await retry();
  expect(counts).toMatchObject({ accepted: 0, duplicates: 0, rejected: 0 });
  expect(
    impossible.map(({ obstacle, count }: { obstacle: string; count: number }) => [obstacle, count]),
  ).toEqual(
    expect.arrayContaining([
      ['arrival_unknown', 1],
      ['not_json', 1],
      ['cut', 1],
      ['csv_row', 1],
    ]),
  );
  expect(await listed()).toEqual(before);
});

test('what a large batch gave is kept for its first rejected events only', async () => {
  const context = { filled: 'x'.repeat(30_000) };
  await post('/v1/batch', {
    context,
    batch: Array.from({ length: 20 }, () => ({ type: 'track', event: 'e' })),
  });
  const obstacles = (await listed())
    .map((row: { retryObstacle: string | null }) => row.retryObstacle)
    .toReversed();
  expect(obstacles).toEqual(Array.from({ length: 20 }, (_, index) => (index < 8 ? null : 'arrival_unknown')));
});

test('ids and times choose, and a call without a choice is refused', async () => {
  for (const messageId of ['a', 'b', 'c', 'd']) await post('/v1/track', large({ messageId }));
  await raise();
  const rows = await listed();
  const [d, c, , a] = rows;
  const known = async () => (await listed()).map((row: { messageId: string }) => row.messageId);
  for (const [index, minute] of [3, 2, 1, 0].entries()) {
    await db.run(
      sql`update rejected_event set received_at = ${`2026-03-01T00:0${minute}:00Z`} where id = ${rows[index].id}`,
    );
  }
  expect(
    (await listed('&from=2026-03-01T00:01:00Z&to=2026-03-01T00:03:00Z')).map((row: { id: number }) => row.id),
  ).toEqual([rows[1].id, rows[2].id]);
  expect(await retry({ ids: [d.id, a.id, 999_999_999] })).toEqual({ ...nothing, accepted: 2 });
  expect(await known()).toEqual(['c', 'b']);
  expect(await retry({ ids: [d.id], source: source.sourceId })).toEqual(nothing);
  expect(await retry({ ids: [c.id], code: 'no_user' })).toEqual(nothing);
  expect(await retry({ source: source.sourceId, to: '2026-03-01T01:02:00+01:00' })).toEqual({
    ...nothing,
    accepted: 1,
  });
  expect(await known()).toEqual(['c']);
  const refused = async (body: object) => (await api.call('POST', '/api/rejected/retry', body)).status;
  for (const body of [{}, { ids: [] }, { cursor: 'x', code: 'no_user' }, { from: 'yesterday' }]) {
    expect(await refused(body)).toBe(422);
  }
});

test('a call that has to end early says where to go on, and what it left is not tried twice', async () => {
  const stopping = await testApi(db);
  stopping.stop();
  const batch = Array.from({ length: 150 }, (_, index) => ({ type: 'track', messageId: `${index}` }));
  await post('/v1/batch', { batch });
  const body = { source: source.sourceId };
  const first = (await stopping.call('POST', '/api/rejected/retry', body)).body;
  expect(first).toMatchObject({ rejected: 100, nextCursor: expect.any(String) });
  await post('/v1/batch', { batch }); // came later, so it is not meant
  const second = await retry({ ...body, cursor: first.nextCursor });
  expect(second).toEqual({ ...nothing, rejected: 50 });
  expect(await retry()).toMatchObject({ rejected: 300 });
});
