import { describe, expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { credentials } from '../support/track-api.ts';
import { archivedOf, basic, newKey, rejectedOf, send, trackingServer } from '../support/tracking.ts';
import { upload } from '../support/uploads.ts';

const db = await testDatabase();
const api = await testApi(db);
const servers = [await trackingServer({ db }), await trackingServer({ db })] as const;
const url = servers[0].url;

let users = 0;
/** A user whom no other test knows, suppressed by the API. */
async function suppressed(kind: 'userId' | 'anonymousId' = 'userId', name = `gone-${users++}`) {
  const { status, body } = await api.call('POST', '/api/suppressions', { [kind]: name });
  expect(status).toBe(201);
  return { name, lift: () => api.call('DELETE', `/api/suppressions/${body.id}`) };
}

async function client(suppressedUsers: 'archive' | 'refuse' = 'refuse') {
  const key = await newKey(db);
  await api.call('PATCH', `/api/sources/${key.sourceId}`, { suppressedUsers });
  const headers = { authorization: basic(key.writeKey) };
  return {
    ...key,
    post: async (path: string, body: unknown, more: Record<string, string> = {}, server = url) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const answer = await send(server + path, { headers: { ...headers, ...more }, body: text });
      return { status: answer.status, said: JSON.parse(answer.body) as Record<string, unknown> };
    },
    users: async () => (await archivedOf(db, key.sourceId)).map(({ userId }) => userId),
    rejected: () => rejectedOf(db, key.sourceId),
  };
}

const track = (userId: string, more: object = {}) => ({ type: 'track', event: 'e', userId, ...more });
const ok = { status: 200, said: { success: true } };
const kept = { code: 'user_suppressed', raw: Buffer.alloc(0) };

test('unless a source says otherwise, events of suppressed users are archived', async () => {
  const { name } = await suppressed();
  const key = await newKey(db);
  const { body } = await api.call('GET', `/api/sources/${key.sourceId}`);
  expect(body.suppressedUsers).toBe('archive');
  const headers = { authorization: basic(key.writeKey) };
  await send(`${url}/v1/track`, { headers, body: JSON.stringify(track(name)) });
  await upload(api.url, `/api/imports?sourceId=${key.sourceId}`, JSON.stringify(track(name)));
  expect(await archivedOf(db, key.sourceId)).toMatchObject([{ live: true }, { live: false }]);
  expect(await rejectedOf(db, key.sourceId)).toEqual([]);
});

describe('a source that refuses them', () => {
  test.each(['track', 'identify', 'page', 'screen', 'group', 'alias'])('takes no %s', async (call) => {
    const { name } = await suppressed();
    const { post, users: archived, rejected } = await client();
    const event = { userId: name, event: 'e', groupId: 'g', previousId: 'p', messageId: 'm' };
    expect(await post(`/v1/${call}`, event)).toEqual(ok);
    expect(await archived()).toEqual([]);
    expect(await rejected()).toEqual([kept]);
  });

  test('refuses from the answer to the suppression on, in every process, and takes the user again once it is lifted', async () => {
    const { sourceId, post, users: archived, rejected } = await client();
    const name = `gone-${users++}`;
    const inBoth = async () => {
      for (const server of servers) expect(await post('/v1/track', track(name), {}, server.url)).toEqual(ok);
    };
    await inBoth();
    const { lift } = await suppressed('userId', name);
    await inBoth();
    expect(await rejected()).toEqual([kept, kept]);
    await lift();
    await inBoth();
    expect(await archived()).toEqual([name, name, name, name]);
    const { body } = await api.call('GET', `/api/rejected?source=${sourceId}&code=user_suppressed`);
    expect(body.data).toMatchObject([
      { code: 'user_suppressed', raw: '', size: 0 },
      { code: 'user_suppressed' },
    ]);
  });

  test('archives the neighbours in a batch, and keeps of the refused ones their messageIds', async () => {
    const [user, anonymous] = [await suppressed(), await suppressed('anonymousId')];
    const { sourceId, post, users: archived } = await client();
    const batch = [
      track('a'),
      track(user.name, { messageId: 'm-1' }),
      5,
      { type: 'page', anonymousId: anonymous.name, messageId: 'm-2' },
      track('b', { anonymousId: anonymous.name, messageId: 'm-3' }),
      track(anonymous.name),
    ];
    expect(await post('/v1/batch', { batch })).toEqual(ok);
    expect(await archived()).toEqual(['a', anonymous.name]);
    const rows = await db.rows(sql`
      select code, message_id as id from rejected_event where source_id = ${sourceId} order by rejected_event.id`);
    expect(rows).toEqual([
      { code: 'user_suppressed', id: 'm-1' },
      { code: 'not_an_object', id: null },
      { code: 'user_suppressed', id: 'm-2' },
      { code: 'user_suppressed', id: 'm-3' },
    ]);
  });

  test('says in strict mode which events they are, beside what else is wrong, and stores nothing', async () => {
    const { name } = await suppressed();
    const { post, users: archived, rejected } = await client();
    const batch = [track('a'), track(name, { messageId: 'm-1' }), 5];
    const answer = await post('/v1/batch', { batch }, { 'x-strict-mode': '1' });
    const message = expect.stringContaining('suppressed');
    expect(answer).toMatchObject({
      status: 400,
      said: {
        code: 'events_invalid',
        errors: [
          { index: 1, code: 'user_suppressed', message, messageId: 'm-1' },
          { index: 2, code: 'not_an_object' },
        ],
      },
    });
    expect([await archived(), await rejected()]).toEqual([[], []]);
    expect(await post('/v1/track', track('a'), { 'x-strict-mode': '1' })).toEqual(ok);
  });

  test('compares ids as the archive holds them: numbers by their digits, NUL as U+FFFD', async () => {
    await suppressed('userId', '9007199254740993');
    await suppressed('userId', 'a\0b');
    const { post, rejected, users: archived } = await client();
    await post('/v1/track', '{"userId":9007199254740993,"event":"e"}');
    await post('/v1/track', track('a\0b'));
    await post('/v1/track', track('x'.repeat(20_000)));
    expect(await rejected()).toEqual([kept, kept]);
    expect(await archived()).toEqual(['x'.repeat(20_000)]);
  });

  test('takes nothing of them through the pixel', async () => {
    const { name } = await suppressed();
    const { writeKey, users: archived, rejected } = await client();
    for (const userId of [name, 'a']) {
      const data = Buffer.from(JSON.stringify({ writeKey, ...track(userId) })).toString('base64url');
      expect(await send(`${url}/v1/pixel/track?data=${data}`, { method: 'GET' })).toMatchObject({
        status: 200,
      });
    }
    expect(await archived()).toEqual(['a']);
    expect(await rejected()).toEqual([kept]);
  });

  test('takes nothing of them through the Track API, an operation whole or not at all', async () => {
    const { name } = await suppressed();
    const { writeKey, users: archived, rejected } = await client();
    const ask = async (method: string, path: string, body: object) => {
      const answer = await send(url + path, {
        method,
        headers: { authorization: credentials('site', writeKey) },
        body: JSON.stringify(body),
      });
      return { status: answer.status, said: JSON.parse(answer.body) as unknown };
    };
    const relationships = { action: 'add_relationships', relationships: [{ identifiers: { object_id: 7 } }] };
    const alone = await ask('PUT', `/api/v1/customers/${name}`, { cio_relationships: relationships });
    expect(alone).toMatchObject({ status: 400, said: { code: 'user_suppressed' } });
    const identify = (id: string) => ({ type: 'person', action: 'identify', identifiers: { id } });
    const batch = await ask('POST', '/api/v2/batch', { batch: [identify('a'), identify(name)] });
    expect(batch).toMatchObject({
      status: 207,
      said: { errors: [{ batch_index: 1, reason: 'user_suppressed' }] },
    });
    expect(await archived()).toEqual(['a']);
    expect(await rejected()).toEqual([kept, kept]);
  });

  test.each([
    ['NDJSON', '', (name: string) => `${JSON.stringify(track('a'))}\n${JSON.stringify(track(name))}\n`, 2],
    ['CSV', '&type=identify', (name: string) => `userId,plan\na,pro\n${name},pro\n`, 3],
  ])('takes no rows of them from a file of %s, and names them', async (_, query, file, line) => {
    const { name } = await suppressed();
    const { sourceId, users: archived, rejected } = await client();
    const { body } = await upload(api.url, `/api/imports?sourceId=${sourceId}${query}`, file(name));
    expect(body).toMatchObject({ status: 'completed', appended: 1, rejected: 1 });
    expect(body.errors).toMatchObject([{ line, code: 'user_suppressed', raw: '' }]);
    expect(await archived()).toEqual(['a']);
    expect(await rejected()).toEqual([kept]);
  });

  test('asks for a retry while it cannot be told who is suppressed, and lets nobody slip in', async () => {
    const { name } = await suppressed();
    const { post, users: archived, rejected } = await client();
    const batch = { batch: [track('a'), track(name)] };
    await db.run(sql`alter table suppression rename to suppression_away`);
    try {
      expect(await post('/v1/batch', batch)).toMatchObject({ status: 503, said: { code: 'unavailable' } });
      expect([await archived(), await rejected()]).toEqual([[], []]);
    } finally {
      await db.run(sql`alter table suppression_away rename to suppression`);
    }
    expect(await post('/v1/batch', batch)).toEqual(ok);
    expect([await archived(), await rejected()]).toEqual([['a'], [kept]]);
  });

  test('counts them, and takes them again a second or so after it is changed back', async () => {
    const { name } = await suppressed();
    const { sourceId, post, users: archived } = await client();
    await post('/v1/track', track(name));
    const hour = async () => (await api.call('GET', `/api/sources/${sourceId}`)).body.lastHour;
    await expect.poll(hour, { timeout: 15_000 }).toMatchObject({ received: 1, rejected: 1 });
    await api.call('PATCH', `/api/sources/${sourceId}`, { suppressedUsers: 'archive' });
    const taken = async () => (await post('/v1/track', track(name)), await archived());
    await expect.poll(taken, { timeout: 5_000 }).toContain(name);
  });
});
