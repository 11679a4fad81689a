import { beforeEach, expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { importEvents, type ImportProgress } from '../../src/db/archive/import.ts';
import { pruneIdentities } from '../../src/db/archive/prune.ts';
import { archiveHead, readPage } from '../../src/db/archive/read.ts';
import { rejectEvents } from '../../src/db/archive/rejected.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, rawText, trackEvent } from '../support/events.ts';

const db = await testDatabase();
let source = '';
let before = 0;
beforeEach(async () => {
  source = await newSource(db);
  before = await archiveHead(db);
});

async function* from(lines: Iterable<string | Uint8Array>) {
  yield* lines;
}

async function archived() {
  const upTo = await archiveHead(db);
  const events = [];
  let after = before;
  while (after < upTo) {
    const page = await readPage(db, { after, upTo, bucketFrom: 0, bucketTo: 1023 });
    events.push(...page.events);
    after = page.scannedTo;
  }
  return events;
}

const rejected = () =>
  db.rows<{ code: string; raw: Buffer; message: string; message_id: string | null }>(
    sql`select code, message, message_id, raw from rejected_event where source_id = ${source} order by id`,
  );

test('archives history in the order of its lines, with its own times, not live', async () => {
  const lines = Array.from({ length: 4_500 }, (_, index) => {
    const at = new Date(Date.UTC(2023, 0, 1) + index * 60_000).toISOString();
    return `{"type":"track","event":"e","userId":"u-${index % 50}","messageId":"m-${index}","timestamp":"${at}","receivedAt":"${at}"}`;
  });
  const steps: ImportProgress[] = [];
  const done = await importEvents(db, source, from(lines), { onProgress: (step) => steps.push(step) });
  expect(done).toEqual({ lines: 4_500, appended: 4_500, duplicates: 0, rejected: 0 });
  expect(steps.length).toBeGreaterThan(1);
  expect(steps.at(-1)).toEqual(done);
  const events = await archived();
  expect(events.map(rawText)).toEqual(lines);
  for (const [index, event] of events.entries()) {
    const at = new Date(Date.UTC(2023, 0, 1) + index * 60_000);
    expect(event).toMatchObject({
      receivedAt: at,
      timestamp: at,
      live: false,
      origin: 'import',
      sourceId: source,
    });
  }
});

test('events without times of their own arrive now', async () => {
  const now = new Date('2026-05-01T00:00:00.000Z');
  await importEvents(db, source, from(['{"type":"identify","userId":"u"}']), { now: () => now });
  expect(await archived()).toMatchObject([{ receivedAt: now, timestamp: now }]);
});

test('importing again adds only what is lacking', async () => {
  const line = (id: number) => `{"type":"identify","userId":"u","messageId":"again-${id}"}`;
  await importEvents(db, source, from([line(1), line(2)]));
  const second = await importEvents(db, source, from([line(1), line(2), line(3)]));
  expect(second).toEqual({ lines: 3, appended: 1, duplicates: 2, rejected: 0 });
});

test('lines that are no events are kept apart, their neighbours are archived', async () => {
  const deep = `{"type":"identify","userId":"u","traits":${'['.repeat(100)}${']'.repeat(100)}}`;
  const lines = [
    '\ufeff{"type":"identify","userId":"first"}',
    '',
    '  ',
    '{"type":"identify",',
    new Uint8Array([0x22, 0xff, 0x22]),
    '[]',
    deep,
    '{"type":"track","userId":"u"}',
    '{"type":"identify","userId":"u","messageId":"one"}',
    '{"type":"identify","userId":"v","messageId":"one"}',
    '  {"type":"identify","userId":"last"}\r\n',
  ];
  const done = await importEvents(db, source, from(lines));
  expect(done).toEqual({ lines: 9, appended: 3, duplicates: 0, rejected: 6 });
  expect((await archived()).map((event) => event.userId)).toEqual(['first', 'u', 'last']);
  const kept = await rejected();
  expect(kept.map((row) => row.code).toSorted()).toEqual([
    'event_too_deep',
    'malformed_json',
    'malformed_json',
    'message_id_reused',
    'not_an_object',
    'track_without_event',
  ]);
  expect(kept.find((row) => row.code === 'event_too_deep')?.raw.toString()).toBe(deep);
});

test('what was committed stays when the lines break off', async () => {
  async function* broken() {
    for (let index = 0; index < 3_000; index++)
      yield `{"type":"identify","userId":"u","messageId":"b-${index}"}`;
    throw new Error('the file ends here');
  }
  let last = 0;
  const attempt = importEvents(db, source, broken(), { onProgress: ({ appended }) => (last = appended) });
  await expect(attempt).rejects.toThrow('the file ends here');
  expect(last).toBe(3_000);
  expect(await archived()).toHaveLength(3_000);
});

test('live events come in while an import runs, between its chunks', async () => {
  const state = { running: true };
  async function* lines() {
    for (let index = 0; index < 12_000; index++)
      yield `{"type":"identify","userId":"u","messageId":"i-${index}"}`;
  }
  const importing = importEvents(db, source, lines()).finally(() => (state.running = false));
  const live: number[] = [];
  while (state.running) live.push((await appendEvents(db, [trackEvent(source)])).head);
  await importing;
  const events = await archived();
  expect(events.length).toBe(12_000 + live.length);
  const imported = events.filter((event) => !event.live).map((event) => event.position);
  expect(live.some((head) => head > (imported[0] ?? 0) && head < (imported.at(-1) ?? 0))).toBe(true);
});

test('rejected events keep any bytes', async () => {
  const raw = Uint8Array.from({ length: 256 }, (_, index) => index);
  const receivedAt = new Date();
  await rejectEvents(db, []);
  await rejectEvents(db, [
    {
      receivedAt,
      sourceId: source,
      code: 'no_user',
      message: 'm',
      messageId: 'a\0\ud800',
      raw,
      arrival: null,
      users: [],
    },
    {
      receivedAt,
      sourceId: source,
      code: 'not_an_object',
      message: 'm',
      messageId: null,
      raw: new Uint8Array(),
      arrival: null,
      users: [],
    },
  ]);
  const kept = await rejected();
  expect(kept.map((row) => row.message_id)).toEqual(['a\ufffd\ufffd', null]);
  expect(kept[0]?.raw.equals(raw)).toBe(true);
});

test('identities outside the window are forgotten, a bounded number at a time', async () => {
  await appendEvents(
    db,
    Array.from({ length: 30 }, () => trackEvent(source)),
  );
  await db.run(sql`update event_identity set received_at = now() - interval '91 days'`);
  await appendEvents(db, [trackEvent(source)]);
  const [{ count } = { count: 0 }] = await db.rows<{ count: number }>(
    sql`select count(*) from event_identity`,
  );
  expect(await pruneIdentities(db, '90 days', 20)).toBe(20);
  expect(await pruneIdentities(db, '90 days', 1_000_000)).toBe(count - 21);
  expect(await pruneIdentities(db)).toBe(0);
  expect(await db.rows(sql`select key from event_identity`)).toHaveLength(1);
});

test('an old messageId that comes again while identities are forgotten stays known', async () => {
  const event = trackEvent(source);
  await appendEvents(db, [event]);
  await db.run(sql`update event_identity set received_at = now() - interval '91 days'`);
  const pruning = db.transaction(async (tx) => {
    await appendEvents(tx, [event]);
    const forgotten = pruneIdentities(db);
    await expect
      .poll(() =>
        db.rows(
          sql`select 1 from pg_stat_activity where wait_event_type = 'Lock' and query ~ 'delete from event_identity'`,
        ),
      )
      .toHaveLength(1);
    return { forgotten };
  });
  await (
    await pruning
  ).forgotten;
  expect(await appendEvents(db, [event])).toMatchObject({ appended: 0, duplicates: 1 });
});
