import { expect, test } from 'vitest';
import { openSourceUsage } from '../../src/api/source-usage.ts';
import { forgetOldUsage } from '../../src/db/source-usage.ts';
import { sql, type Queryable } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { trackClient } from '../support/track-api.ts';
import { basic, newKey, send, trackingServer } from '../support/tracking.ts';
import { until } from '../support/until.ts';
import { upload } from '../support/uploads.ts';

const db = await testDatabase();
const api = await testApi(db);

const usageOf = async (id: string) => (await api.call('GET', `/api/sources/${id}`)).body;
const track = (more: object = {}) => ({ type: 'track', event: 'e', userId: 'u', ...more });
const library = (name: unknown, version?: unknown) => ({ context: { library: { name, version } } });

async function client() {
  const key = await newKey(db);
  const headers = { authorization: basic(key.writeKey) };
  return {
    ...key,
    post: async (url: string, path: string, body: object) => {
      const answer = await send(url + path, { headers, body: JSON.stringify(body) });
      expect(answer.status).toBe(200);
    },
  };
}

test('two processes tell together when a source was seen, by which libraries, and what of it was rejected', async () => {
  const servers = [await trackingServer({ db }), await trackingServer({ db })] as const;
  const [first, second] = [servers[0].url, servers[1].url];
  const { sourceId, post } = await client();
  const before = Date.now();
  expect(await usageOf(sourceId)).toMatchObject({
    lastSeenAt: null,
    sdks: [],
    lastHour: { received: 0, rejected: 0, rejectedRate: null },
  });

  const batch = [track(), track(library('own', '2')), { type: 'track', userId: 'u' }, 7];
  await post(first, '/v1/batch', { batch, ...library('shared', '1.2.3') });
  await post(second, '/v1/track', track(library('shared', '1.2.3')));
  await post(second, '/v1/t', track(library('single')));
  const once = track({ messageId: 'm-1' });
  await post(first, '/v1/track', once);
  await post(second, '/v1/track', once); // a duplicate: received, not rejected
  await post(second, '/v1/track', { ...once, event: 'other' }); // found out by the append alone
  await Promise.all(servers.map(({ handler }) => handler.close()));

  const usage = await usageOf(sourceId);
  expect(usage.lastHour).toEqual({ received: 9, rejected: 3, rejectedRate: 3 / 9 });
  expect(usage.sdks.map(({ name, version }: Record<string, unknown>) => [name, version])).toEqual(
    expect.arrayContaining([
      ['shared', '1.2.3'],
      ['own', '2'],
      ['single', null],
    ]),
  );
  expect(usage.sdks).toHaveLength(3);
  expect(usage.sdks[0].name).toBe('single');
  for (const { lastSeenAt } of [usage, ...usage.sdks]) {
    expect(Date.parse(lastSeenAt)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(lastSeenAt)).toBeLessThanOrEqual(Date.now());
  }
  const { data } = (await api.call('GET', '/api/sources')).body;
  expect(data.find(({ id }: { id: string }) => id === sourceId)).toEqual(usage);
});

test('the Track API counts as well, and what is counted shows without a stop', async () => {
  const { url } = await trackingServer({ db });
  const { sourceId, ask } = await trackClient(db, url);
  expect((await ask('POST /api/v1/customers/5/events', '{"name":"e"}')).status).toBe(200);
  expect((await ask('POST /api/v1/customers/5/events', '{}')).status).toBe(400);
  const usage = await until(
    'the counts are written',
    () => usageOf(sourceId),
    ({ lastHour }) => lastHour.received > 0,
    { deadlineMs: 30_000 },
  );
  expect(usage).toMatchObject({ lastSeenAt: expect.any(String), lastHour: { received: 2, rejected: 1 } });
});

test('an import counts, its conflicts with it', async () => {
  const { sourceId } = await newKey(db);
  const lines = [
    '{"type":"track"}',
    ...['a', 'b'].map((event) => JSON.stringify(track({ event, messageId: 'm' }))),
  ];
  const { status } = await upload(api.url, `/api/imports?sourceId=${sourceId}`, lines.join('\n'));
  expect(status).toBe(201);
  const usage = await usageOf(sourceId);
  expect(usage).toMatchObject({
    lastSeenAt: expect.any(String),
    sdks: [],
    lastHour: { received: 3, rejected: 2 },
  });
});

test.each([
  ['Customer.io Node Client/5.2.0', [['Customer.io Node Client', '5.2.0']]],
  ['analytics-python/2.3.2', [['analytics-python', '2.3.2']]],
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0', []],
  ['Mozilla/5.0', []],
  ['', []],
  ['a/b/c', []],
  ['"><script>/1', []],
])('where no event names a library, the request does: %s', async (userAgent, named) => {
  const { url, handler } = await trackingServer({ db });
  const byTrack = await trackClient(db, url);
  const byV1 = await newKey(db);
  const agent = { 'user-agent': userAgent };
  await byTrack.ask('POST /api/v1/customers/5/events', '{"name":"e"}', agent);
  const headers = { authorization: basic(byV1.writeKey), ...agent };
  await send(`${url}/v1/track`, { headers, body: JSON.stringify(track()) });
  const own = await newKey(db);
  const ownHeaders = { authorization: basic(own.writeKey), ...agent };
  await send(`${url}/v1/track`, { headers: ownHeaders, body: JSON.stringify(track(library('own', '1'))) });
  await handler.close();
  const sdksOf = async ({ sourceId }: { sourceId: string }) =>
    (await usageOf(sourceId)).sdks.map(({ name, version }: Record<string, unknown>) => [name, version]);
  expect(await sdksOf(byTrack)).toEqual(named);
  expect(await sdksOf(byV1)).toEqual(named);
  expect(await sdksOf(own)).toEqual([['own', '1']]);
});

test('whoever opens the page of a pixel is no library', async () => {
  const { url, handler } = await trackingServer({ db });
  const { sourceId, writeKey } = await newKey(db);
  const data = Buffer.from(JSON.stringify({ writeKey, ...track() })).toString('base64url');
  const headers = { 'user-agent': 'GoogleImageProxy/1.0' };
  await send(`${url}/v1/pixel/track?data=${data}`, { method: 'GET', headers });
  await handler.close();
  expect(await usageOf(sourceId)).toMatchObject({ sdks: [], lastHour: { received: 1 } });
});

test('a refused request shows that the source is alive, and counts no event', async () => {
  const { url, handler } = await trackingServer({ db });
  const { sourceId, writeKey } = await newKey(db);
  const headers = { authorization: basic(writeKey), 'x-strict-mode': '1' };
  expect(await send(`${url}/v1/track`, { headers, body: '{"event":"e"}' })).toMatchObject({ status: 400 });
  await handler.close();
  expect(await usageOf(sourceId)).toMatchObject({
    lastSeenAt: expect.any(String),
    lastHour: { received: 0 },
  });
});

test('a sender that makes up libraries gets a list of fifty, the newest, and leaves no more behind', async () => {
  const { sourceId } = await newKey(db);
  for (let round = 0; round < 4; round++) {
    const usage = openSourceUsage(db);
    for (let index = 0; index < 40; index++) {
      const sdks = [{ name: `made-up \0 ${round} \ud800`, version: `${index}` }];
      usage.count(sourceId, new Date(Date.UTC(2026, 0, 1, round, index)), { received: 1, rejected: 0, sdks });
    }
    await usage.close();
  }
  const shown = (await usageOf(sourceId)).sdks;
  expect(shown).toHaveLength(50);
  expect(shown[0]).toEqual({
    name: 'made-up \uFFFD 3 \uFFFD',
    version: '39',
    lastSeenAt: '2026-01-01T03:39:00.000Z',
  });
  await forgetOldUsage(db);
  const [kept] = await db.rows<{ rows: number }>(
    sql`select count(*) as rows from source_sdk where source_id = ${sourceId}`,
  );
  expect(kept?.rows).toBe(50);
  expect((await usageOf(sourceId)).sdks).toEqual(shown);
});

test('what is older than an hour counts no more, and is forgotten later', async () => {
  const { sourceId } = await newKey(db);
  await db.run(sql`
    insert into source_minute select ${sourceId}, date_trunc('minute', now()) - make_interval(mins => m), 1, 1
    from unnest('{0,30,59,61,121,500}'::integer[]) m`);
  expect((await usageOf(sourceId)).lastHour).toEqual({ received: 3, rejected: 3, rejectedRate: 1 });
  await forgetOldUsage(db);
  const left = await db.rows(sql`select 1 from source_minute where source_id = ${sourceId}`);
  expect(left).toHaveLength(4);
});

test('what could not be written is written later', async () => {
  const { sourceId } = await newKey(db);
  let isAway = true;
  const flaky: Queryable = {
    rows: (statement) => db.rows(statement),
    run: (statement) => (isAway ? Promise.reject(new Error('away')) : db.run(statement)),
  };
  const usage = openSourceUsage(flaky);
  const sdks = [{ name: 'x', version: '1' }];
  usage.count(sourceId, new Date('2026-01-02T00:00:00Z'), { received: 5, rejected: 2, sdks });
  await usage.close();
  usage.count(sourceId, new Date('2026-01-01T00:00:00Z'), { received: 1, rejected: 0, sdks });
  isAway = false;
  await usage.close();
  const lastSeenAt = '2026-01-02T00:00:00.000Z';
  expect(await usageOf(sourceId)).toMatchObject({
    lastSeenAt,
    sdks: [{ name: 'x', version: '1', lastSeenAt }],
    lastHour: { received: 6, rejected: 2 },
  });
});

test('many processes that write the same sources at once lose nothing', async () => {
  const sources = await Promise.all(Array.from({ length: 12 }, () => newKey(db)));
  const at = new Date();
  for (let round = 0; round < 5; round++) {
    const processes = Array.from({ length: 12 }, (_, turn) => {
      const usage = openSourceUsage(db);
      const order = [...sources.slice(turn), ...sources.slice(0, turn)];
      for (const { sourceId } of order) {
        usage.count(sourceId, at, {
          received: 3,
          rejected: 1,
          sdks: [{ name: `sdk ${turn % 3}`, version: '' }],
        });
      }
      return usage;
    });
    await Promise.all(processes.map((usage) => usage.close()));
  }
  for (const { sourceId } of sources) {
    const usage = await usageOf(sourceId);
    expect(usage.lastHour).toMatchObject({ received: 180, rejected: 60 });
    expect(usage.sdks).toHaveLength(3);
  }
});
