import { expect, test } from 'vitest';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { credentials } from '../support/track-api.ts';
import { archivedOf, basic, newKey, rejectedOf, send, trackingServer } from '../support/tracking.ts';
import { upload } from '../support/uploads.ts';

const db = await testDatabase();
const api = await testApi(db);
const { url } = await trackingServer({ db });
await api.call('POST', '/api/suppressions', { userId: 'gone' });
await api.call('POST', '/api/suppressions', { userId: '9007199254740993' });
await api.call('POST', '/api/suppressions', { anonymousId: 'gone' });

async function client(suppressedUsers: 'archive' | 'refuse' = 'refuse') {
  const key = await newKey(db);
  await api.call('PATCH', `/api/sources/${key.sourceId}`, { suppressedUsers });
  const kept = async () =>
    (await rejectedOf(db, key.sourceId)).map(({ code, raw }) => [code, raw.toString()] as const);
  const ids = async () =>
    (await api.call('GET', `/api/rejected?source=${key.sourceId}`)).body.data
      .map(({ messageId }: { messageId: string | null }) => messageId)
      .filter((id: string | null) => id !== null)
      .toReversed();
  return { ...key, kept, ids };
}

const large = `{"t":"${'secret '.repeat(6_000)}"}`;
const deep = `{"secret":${'['.repeat(200)}${']'.repeat(200)}}`;

/** Events that cannot be accepted, of whoever stands for `$`. */
const invalid: readonly (readonly [code: string, text: string])[] = [
  ['track_without_event', '{"type":"track","userId":"$","properties":{"secret":1}}'],
  ['unknown_type', '{"type":"fly","anonymousId":"$","secret":1}'],
  ['group_without_group_id', '{"type":"group","userId":"$","traits":{"secret":1}}'],
  ['alias_without_previous_id', '{"type":"alias","userId":"x","anonymousId":"$","secret":1}'],
  ['event_too_large', `{"type":"identify","userId":"$","traits":${large}}`],
  ['event_too_deep', `{"type":"identify","userId":"$","traits":${deep}}`],
  ['malformed_json', '{"type":"track","messageId":"m1","userId":"$","a":NaN,"secret":1}'],
  ['malformed_json', '{"secret":NaN,"a\\x":1,"type":"page","messageId":"m2","anonymousId":"$"}'],
  ['event_too_deep', `{"type":"track","messageId":"m3","userId":"$","secret":NaN,"properties":${deep}}`],
];
const messageIds = ['m1', 'm2', 'm3'];
const of = (user: string) => invalid.map(([code, text]) => [code, text.replace('$', user)] as const);
const refused = (count: number) => Array.from({ length: count }, () => ['user_suppressed', '']);

test('of an event that cannot be accepted and is of a suppressed user nothing is kept; its neighbours keep theirs', async () => {
  const { writeKey, kept, ids } = await client();
  const items = of('gone').flatMap(([, text], index) => [text, of('here')[index]![1]]);
  const headers = { authorization: basic(writeKey) };
  const number = '{"type":"track","userId":9007199254740993,"secret":1}';
  expect(
    await send(`${url}/v1/batch`, { headers, body: `{"batch":[${items.join(',')},${number}]}` }),
  ).toMatchObject({
    status: 200,
  });
  const wanted = of('here').flatMap((here) => [['user_suppressed', ''], here]);
  expect(await kept()).toEqual([...wanted, ['user_suppressed', '']]);
  expect(await ids()).toEqual(messageIds.flatMap((id) => [id, id]));
  const alone = await client();
  const body = '{"userId":"gone","properties":{"secret":1}}';
  await send(`${url}/v1/track`, { headers: { authorization: basic(alone.writeKey) }, body });
  expect(await alone.kept()).toEqual(refused(1));
});

test('strict mode says that the user is suppressed', async () => {
  const { writeKey, kept } = await client();
  const headers = { authorization: basic(writeKey), 'x-strict-mode': '1' };
  const answer = await send(`${url}/v1/batch`, { headers, body: `{"batch":[${of('gone')[0]![1]}]}` });
  expect(JSON.parse(answer.body)).toMatchObject({ errors: [{ index: 0, code: 'user_suppressed' }] });
  expect(await kept()).toEqual([]);
});

test('a source that archives their events keeps these, too', async () => {
  const { sourceId, writeKey, kept } = await client('archive');
  const items = of('gone').map(([, text]) => text);
  await send(`${url}/v1/batch`, {
    headers: { authorization: basic(writeKey) },
    body: `{"batch":[${items.join(',')}]}`,
  });
  expect(await kept()).toEqual(of('gone'));
  expect(await archivedOf(db, sourceId)).toEqual([]);
});

test('nor is anything kept of an operation of the Track API that names one anywhere', async () => {
  const { writeKey, kept, ids } = await client();
  const person = '"type":"person","identifiers":{"id":"gone"}';
  const items = [
    `{${person},"action":"event","attributes":{"secret":1}}`,
    `{${person},"action":"fly","secret":1}`,
    `{${person},"action":"identify","attributes":${large}}`,
    `{${person},"action":"identify","attributes":${deep}}`,
    '{"type":"person","action":"merge","secondary":{"id":9007199254740993}}',
    '{"type":"person","action":"screen","identifiers":{"id":"x"},"anonymous_id":"gone"}',
    '{"type":"object","action":"fly","cio_relationships":[{"identifiers":{"id":"gone"}}]}',
    `{${person},"action":"event","id":"m1","attributes":{"secret":NaN}}`,
    `{${person},"action":"event","id":"m2","secret":NaN,"attributes":${large}}`,
    `{${person},"action":"event","id":"m3","secret":NaN,"attributes":${deep}}`,
    '{"type":"person","action":"identify","attributes":{"anonymous_id":"gone"},"secret":NaN}',
    '{"type":"person","action":"merge","primary":{"id":"gone"},"secondary":{"id":NaN},"secret":1}',
  ];
  const here = `{"type":"person","action":"fly","identifiers":{"id":"here"},"secret":1}`;
  const headers = { authorization: credentials('site', writeKey) };
  const answer = await send(`${url}/api/v2/batch`, {
    headers,
    body: `{"batch":[${[...items, here].join(',')}]}`,
  });
  expect(answer.status).toBe(207);
  const reasons = (JSON.parse(answer.body) as { errors: { reason: string }[] }).errors.map(
    ({ reason }) => reason,
  );
  expect(reasons).toEqual([...items.map(() => 'user_suppressed'), 'unknown_operation']);
  expect(await kept()).toEqual([...refused(items.length), ['unknown_operation', here]]);
  expect(await ids()).toEqual(messageIds);
  const alone = await send(`${url}/api/v1/customers/gone/events`, { headers, body: '{"data":{"secret":1}}' });
  expect(JSON.parse(alone.body)).toMatchObject({ code: 'user_suppressed' });
  expect(await kept()).toHaveLength(items.length + 2);
  expect(JSON.stringify(await kept())).toBe(
    JSON.stringify([...refused(items.length), ['unknown_operation', here], ...refused(1)]),
  );
});

test('nor of such a row of a file', async () => {
  const { sourceId, kept, ids } = await client();
  const lines = of('gone').flatMap(([, text], index) => [text, of('here')[index]![1]]);
  const { body } = await upload(api.url, `/api/imports?sourceId=${sourceId}`, lines.join('\n'));
  expect(body).toMatchObject({ status: 'completed', rejected: lines.length });
  expect(await kept()).toEqual(of('here').flatMap((here) => [['user_suppressed', ''], here]));
  expect(await ids()).toEqual(messageIds.flatMap((id) => [id, id]));
  expect(
    JSON.stringify(body.errors.filter(({ code }: { code: string }) => code === 'user_suppressed')),
  ).not.toContain('secret');
});

const long = 'secret '.repeat(200_000);

test('nor of a line that is cut, or of a wrapped one, as far as it is told whose it is', async () => {
  const { sourceId, kept } = await client();
  const wrapped = (user: string) =>
    `{"userId":"x","payload":{"anonymousId":"${user}","secret":NaN},"createdAt":"2026-01-01T00:00:00Z"}`;
  const cut = (user: string, what = `"${user}"`) => `{"type":"track","userId":${what},"secret":"${long}"}`;
  const unfinished = `{"filled":"${'x'.repeat(65_536 - 38)}","userId":9007199254740993${'1'.repeat(1_100_000)}}`;
  const lines = [wrapped('gone'), wrapped('here'), cut('gone'), cut('here'), unfinished];
  const { body } = await upload(api.url, `/api/imports?sourceId=${sourceId}`, lines.join('\n'));
  expect(body).toMatchObject({ rejected: lines.length });
  const start = (line: string) => line.slice(0, 65_536);
  expect(start(unfinished)).toMatch(/"userId":9007199254740993$/);
  expect(await kept()).toEqual([
    ['user_suppressed', ''],
    ['malformed_json', wrapped('here')],
    ['user_suppressed', ''],
    ['row_too_large', start(cut('here'))],
    ['row_too_large', start(unfinished)],
  ]);
});

test('nor of a row of a CSV file that does not fit its header', async () => {
  const { sourceId, kept } = await client();
  const rows = (user: string) => [
    ['malformed_row', `a,b,track,e,${user},secret`],
    ['malformed_row', `track,e,${user}`],
    ['malformed_row', `track,"e"e",${user},secret`],
    ['malformed_row', `track,e, ${user} ,secret,more,${user}`],
    ['row_too_large', `track,e,${user},${long}`],
  ];
  const lines = rows('gone').flatMap(([, row], index) => [row, rows('here')[index]![1]]);
  const file = ['type,event,userId,properties.p', ...lines].join('\n');
  const { body } = await upload(api.url, `/api/imports?sourceId=${sourceId}`, file);
  expect(body).toMatchObject({ rejected: lines.length });
  expect(await kept()).toEqual(
    rows('here').flatMap(([code, row]) => [
      ['user_suppressed', ''],
      [code, row!.slice(0, 65_536)],
    ]),
  );
});
