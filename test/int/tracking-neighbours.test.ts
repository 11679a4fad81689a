import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { rawText } from '../support/events.ts';
import { testDatabase } from '../support/database.ts';
import { archivedOf, basic, newKey, rejectedOf, send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });
const success = '{"success":true}';

test('bad items are kept apart, their neighbours are archived', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const ok = (id: string, more = '') =>
    `{"type":"track","event":"e","userId":"u","messageId":"${id}"${more}}`;
  const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const good = [
    ok('first'),
    ok('nul\\u0000', ',"properties":{"a\\u0000":"b\\u0000"}'),
    ok('surrogate', ',"properties":{"a":"\\ud800","\\udfff":1}'),
    ok('big', ',"properties":{"n":1e400,"m":9007199254740993,"e":-0.0}'),
    ok('proto', ',"__proto__":{"polluted":true},"constructor":{"prototype":1}'),
    ok('odd', ',"properties":[null],"traits":"text","context":7'),
    ok('depth 100', `,"properties":${nested(99)}`),
    ok('last'),
  ];
  const bad: [string, string][] = [
    [ok('depth 101', `,"properties":${nested(100)}`), 'event_too_deep'],
    [ok('deeper', `,"properties":${nested(900)}`), 'event_too_deep'],
    [ok('oversize', `,"properties":{"t":"${'x'.repeat(33_000)}"}`), 'event_too_large'],
    ['7', 'not_an_object'],
    ['null', 'not_an_object'],
    ['[{}]', 'not_an_object'],
    ['{"userId":"u"}', 'unknown_type'],
    ['{"type":"track","event":"e"}', 'no_user'],
    ['{"type":"track","userId":"u"}', 'track_without_event'],
    ['{"type":"alias","userId":"u"}', 'alias_without_previous_id'],
    ['{"type":"group","userId":"u"}', 'group_without_group_id'],
    [ok('first', ',"other":1'), 'message_id_reused'],
  ];
  const mixed = good.flatMap((item, index) => [
    item,
    ...bad.slice(index * 2, index * 2 + 2).map(([text]) => text),
  ]);
  const body = `{"batch":[${mixed.join(',')}]}`;
  const answer = await send(`${url}/v1/batch`, { headers: { authorization: basic(writeKey) }, body });
  expect(answer).toMatchObject({ status: 200, body: success });
  expect((await archivedOf(db, sourceId)).map(rawText)).toEqual(good);
  const kept = (await rejectedOf(db, sourceId)).map(({ code, raw }) => `${code} ${raw.toString()}`);
  expect(kept.toSorted()).toEqual(bad.map(([text, code]) => `${code} ${text}`).toSorted());
});

test('a single call that is no event is kept apart as well', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const body = '{"userId":"u"}';
  const answer = await send(`${url}/v1/track`, { headers: { authorization: basic(writeKey) }, body });
  expect(answer).toMatchObject({ status: 200, body: success });
  expect(await rejectedOf(db, sourceId)).toMatchObject([
    { code: 'track_without_event', raw: Buffer.from(body) },
  ]);
});

test('an event that only the database refuses costs none of its neighbours', async () => {
  const { sourceId, writeKey } = await newKey(db);
  await db.run(sql`create function refuse_poison() returns trigger language plpgsql as
    'begin raise exception using errcode = ''22023''; end'`);
  await db.run(sql`create trigger refuse_poison before insert on event for each row
    when (new.name = 'poison') execute function refuse_poison()`);
  const item = (event: string) => `{"type":"track","userId":"u","event":"${event}"}`;
  const items = ['a', 'b', 'poison', 'c', 'poison', 'd'].map(item);
  const headers = { authorization: basic(writeKey) };
  const answers = await Promise.all([
    send(`${url}/v1/batch`, { headers, body: `{"batch":[${items.join(',')}]}` }),
    ...Array.from({ length: 5 }, () => send(`${url}/v1/track`, { headers, body: item('beside') })),
  ]);
  await db.run(sql`drop trigger refuse_poison on event`);
  expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200, 200, 200]);
  const names = (await archivedOf(db, sourceId)).map((event) => event.name);
  expect(names.filter((name) => name !== 'beside')).toEqual(['a', 'b', 'c', 'd']);
  expect(names.filter((name) => name === 'beside')).toHaveLength(5);
  expect((await rejectedOf(db, sourceId)).map(({ code }) => code)).toEqual(['not_storable', 'not_storable']);
});

test('a quote too many hides no neighbour: where items end cannot be told, so all of the request is refused', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const good = (n: number) => `{"type":"track","userId":"u","event":"good ${n}"}`;
  const bad = '{"type":"track","userId":"u","event":"5" tall"}';
  const body = `{"batch":[${[good(0), bad, good(1), good(2), bad, good(3)].join(', ')}]}`;
  const headers = { authorization: basic(writeKey) };
  expect(await send(`${url}/v1/batch`, { headers, body })).toMatchObject({ status: 400 });
  expect(await archivedOf(db, sourceId)).toEqual([]);
  expect(await rejectedOf(db, sourceId)).toEqual([]);
});

test('the same again answers 200 and is archived once, also when it comes many times at once', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const body = `{"userId":"u","event":"e","messageId":"${randomUUID()}"}`;
  const requests = Array.from({ length: 40 }, () =>
    send(`${url}/v1/track`, { headers: { authorization: basic(writeKey) }, body }),
  );
  for (const answer of await Promise.all(requests))
    expect(answer).toMatchObject({ status: 200, body: success });
  expect(await archivedOf(db, sourceId)).toHaveLength(1);
  expect(await rejectedOf(db, sourceId)).toHaveLength(0);
});

test('events of one request keep their order, and 2,500 of them are taken', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const items = Array.from(
    { length: 2_500 },
    (_, index) => `{"type":"page","userId":"u","messageId":"${index}"}`,
  );
  const headers = { authorization: basic(writeKey) };
  const batch = (list: string[]) => `{"batch":[${list.join(',')}]}`;
  expect(await send(`${url}/v1/batch`, { headers, body: batch(items) })).toMatchObject({ status: 200 });
  expect((await archivedOf(db, sourceId)).map(rawText)).toEqual(items);
  const more = await send(`${url}/v1/batch`, { headers, body: batch([...items, items[0] ?? '']) });
  expect(more.status).toBe(413);
  expect(JSON.parse(more.body)).toMatchObject({
    code: 'too_many_events',
    message: expect.any(String) as string,
  });
});
