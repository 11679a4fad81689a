import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { workDeletions } from '../../src/api/deletions/work.ts';
import { names, patternInRow, patternOf } from '../../src/core/named-person.ts';
import { rejectedEvent } from '../../src/core/new-event.ts';
import type { Failure } from '../../src/core/outcome.ts';
import { rejectEvents } from '../../src/db/archive/rejected.ts';
import { bytesMayName, jsonMayName, textMayName } from '../../src/db/deletions/may-name.ts';
import { commitLane } from '../../src/db/lane-commit.ts';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { whereNamed } from '../support/canary-person.ts';
import { noCommit, noStanding } from '../support/commits.ts';
import { testDatabase } from '../support/database.ts';
import { append, newEngine, newReplay, take, type Engine } from '../support/engine.ts';
import { upload } from '../support/uploads.ts';

const db = await testDatabase();
const api = await testApi(db);

/** Forgets somebody. @returns the certificate's counts that are not 0 */
async function forget(userId: string): Promise<Record<string, number>> {
  const asked = await api.call('POST', '/api/deletions', { userId, suppress: false });
  await workDeletions(api.deps, 0);
  const { body } = await api.call('GET', `/api/deletions/${asked.body.id}`);
  expect(body.status).toBe('completed');
  expect(JSON.stringify(body.remains)).toContain('A short id as a bare word or number');
  const deleted = body.deleted as { table: string; rows: number }[];
  return Object.fromEntries(deleted.filter(({ rows }) => rows > 0).map(({ table, rows }) => [table, rows]));
}

async function reject({ source }: Engine, texts: readonly string[]): Promise<void> {
  await db.run(sql`delete from rejected_event`);
  const rejected = texts.map((text) =>
    rejectedEvent('malformed_json', Buffer.from(text), null, { sourceId: source, receivedAt: new Date() }),
  );
  await rejectEvents(
    db,
    rejected.map((one) => one.rejected),
  );
}

const rejectedTexts = async () =>
  (await db.rows<{ raw: Buffer }>(sql`select raw from rejected_event order by id`)).map(({ raw }) =>
    raw.toString(),
  );

const body = (text: string): Partial<Failure> => ({
  request: {
    method: 'POST',
    url: 'https://example.com/v1/2026',
    headers: { 'user-agent': 'x/1.1' },
    body: text,
    bodyBytes: 2026,
    deliveries: 1,
  },
});

/** Other people's events end as dead letters, one of each body, and as samples with the same texts. */
async function fail(engine: Engine, texts: readonly string[]) {
  const events = await append(
    engine,
    texts.map((_, index) => `bystander-${index}`),
  );
  const run = await newReplay(engine);
  const lane = await take(db, run);
  const dead = events.map(({ position }, index) => ({
    position,
    actionId: engine.actions[0]!,
    attempts: 1,
    ageMs: 0,
    failure: {
      errorClass: 'http_400',
      message: 'no',
      at: '2026-01-01T01:01:01.001Z',
      ...body(texts[index]!),
    },
  }));
  const samples = Object.fromEntries(
    events.map(({ position }, index) => [`reason ${index}`, [{ position, message: texts[index]! }]]),
  );
  await commitLane(db, lane, { ...noCommit(0), dead, samples }, noStanding({ release: true }));
  await db.run(sql`update run set ended_at = now(), ended_as = 'completed' where id = ${run}`);
  return async () => {
    const letters = (await api.call('GET', `/api/dead-letters?replayId=${run}&limit=200`)).text;
    const report = await api.call('GET', `/api/replays/${run}`);
    const shown = JSON.stringify(report.body.samples);
    return texts.filter((text) =>
      [letters, shown].every((all) => all.includes(JSON.stringify(text).slice(1, -1))),
    );
  };
}

const others = [
  '{"type":"track","userId":"ann","timestamp":"2026-01-01T01:01:01.001Z", broken',
  '{"userId":"ben","properties":{"quantity":1,"sku":"A-1-B","total":2026,"n": 1.1}, broken',
  '{"userId":"cyd","context":{"ip":"1.2.3.4:80","app":{"version":"2026.1"}},"sizes":{"1":2,"2026":1}, broken',
];

test('a short id takes nothing of others: no time, number, version, address or part of a word is one', async () => {
  const engine = await newEngine(db);
  await reject(engine, others);
  const path = `/api/imports?sourceId=${engine.source}&type=track`;
  await upload(api.url, path, 'userId,event,properties.n\nann,1,1,2026\n', { 'content-type': 'text/csv' });
  const left = await fail(engine, others);
  const key = { 'idempotency-key': randomUUID() };
  const made = await api.call('POST', '/api/sources', { name: 'Shop 2026-1' }, key);
  const kept = (await rejectedTexts()).length;

  for (const id of ['2026', '1', '1.1', '1.2.3.4', 'A', 'T'])
    expect([id, await forget(id)]).toEqual([id, {}]);
  expect(await rejectedTexts()).toHaveLength(kept);
  expect(await left()).toEqual(others);
  expect((await api.call('POST', '/api/sources', { name: 'Shop 2026-1' }, key)).body).toEqual(made.body);
});

test('where a short id stands as an id, what names its person goes', async () => {
  const his = [
    '{"type":"track","userId":"42"}',
    '{"type":"track","userId": 42, broken',
    String.raw`{"userId":"\u0034\u0032", broken`,
    String.raw`{"text":"{\"anonymousId\":42}", broken`,
    "no profile '42'",
  ];
  const engine = await newEngine(db);
  await reject(engine, [...his, ...others]);
  const left = await fail(engine, [...his, ...others]);
  expect(await left()).toHaveLength(his.length + others.length);
  expect(await forget('42')).toEqual({ dead_letter: his.length, lane: 1, rejected_event: his.length });
  expect(await rejectedTexts()).toEqual(others);
  expect(await left()).toEqual(others);
});

test('a long id names its person anywhere, as does a whole cell of a row', async () => {
  const id = 'ada+ß/(1815)';
  const his = [
    `of ${id}?`,
    `{"a":"mailto:ADA+ß/(1815)@x"`,
    String.raw`{"b":"ada\u002b\u00df\/(1815)"`,
    `x,${id},1`,
  ];
  const engine = await newEngine(db);
  await reject(engine, [...his, ...others, 'bob,1,2', 'bobby,1,2']);
  const left = await fail(engine, [...his, ...others]);
  expect(await forget(id)).toMatchObject({ dead_letter: his.length, rejected_event: his.length });
  expect(await left()).toEqual(others);
  expect(await forget('bob')).toEqual({ rejected_event: 1 });
  expect(await rejectedTexts()).toEqual([...others, 'bobby,1,2']);
});

test('an answer that named somebody is kept without him, and its request makes nothing again', async () => {
  const webhook = { type: 'webhook', name: 'of user-4711', settings: { url: 'https://example.com/events' } };
  const asked = [
    ['/api/sources', { name: 'of user-4711' }],
    ['/api/sources', { name: 'user-4711' }],
    ['/api/destinations', webhook],
  ] as const;
  const first = [];
  const keys = asked.map(() => ({ 'idempotency-key': randomUUID() }));
  for (const [index, [path, made]] of asked.entries())
    first.push(await api.call('POST', path, made, keys[index]));
  const count = async () =>
    await db.rows(
      sql`select (select count(*) from source) as sources, (select count(*) from destination) as destinations`,
    );
  const before = await count();

  expect(await forget('user-4711')).toEqual({ idempotency_key: 3 });
  for (const [index, [path, made]] of asked.entries()) {
    const again = await api.call('POST', path, made, keys[index]);
    expect(again.status).toBe(first[index]!.status);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.text).not.toContain('user-4711');
    expect(again.body).toEqual({
      ...first[index]!.body,
      name: expect.stringMatching(/^(of )?deleted:[-0-9a-f]{36}$/),
    });
  }
  const other = await api.call('POST', '/api/sources', { name: 'another' }, keys[0]);
  expect(other.body.code).toBe('idempotency_key_reused');
  expect(await count()).toEqual(before);
  expect((await whereNamed(db, 'user-4711')).toString()).not.toContain('idempotency');
});

test('an answer that cannot be opened stays: its request makes nothing again', async () => {
  const key = { 'idempotency-key': randomUUID() };
  await api.call('POST', '/api/sources', { name: 'user-0815' }, key);
  await db.run(
    sql`update idempotency_key set answer_sealed = 'broken' where key = ${key['idempotency-key']}`,
  );
  expect(await forget('user-0815')).toEqual({});
  const again = await api.call('POST', '/api/sources', { name: 'user-0815' }, key);
  expect(again.status).toBeGreaterThanOrEqual(400);
  expect(await db.rows(sql`select 1 from source where name = 'user-0815'`)).toHaveLength(1);
  await db.run(sql`delete from idempotency_key`);
});

test('what the database looks for misses nothing that names somebody', async () => {
  const part = fc.constantFrom(
    'a',
    'B',
    '1',
    '/',
    '"',
    '\\',
    'ß',
    '😀',
    "'",
    'é',
    '\n',
    '\u0001',
    '-',
    'user-42',
    ' ',
  );
  const id = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''));
  const shape = fc.constantFrom('@', '"@"', '{"userId":"@"}', 'x,@,y', '{"userId":@}', '\\@');
  const form = fc.constantFrom(
    (text: string) => text,
    (text: string) => text.toUpperCase(),
    (text: string) => JSON.stringify(text).slice(1, -1),
    (text: string) =>
      text.replaceAll(/[^]/g, (unit) => String.raw`\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
  await fc.assert(
    fc.asyncProperty(id, shape, form, async (of, frame, write) => {
      const text = frame.replace('@', () => write(of));
      fc.pre(names(text, patternOf(of)) || names(text, patternInRow(of)));
      const failure = JSON.stringify({ message: text });
      const [found] = await db.rows(sql`
        select ${bytesMayName(sql`${Buffer.from(text)}::bytea`, of)} as bytes,
          ${textMayName(sql`${text}::text`, of)} as text, ${jsonMayName(sql`${failure}::jsonb`, of)} as json`);
      expect(found).toEqual({ bytes: true, text: true, json: true });
    }),
    { numRuns: 300 },
  );
});
