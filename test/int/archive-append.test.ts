import { expect, test } from 'vitest';
import { maxEventBytes, rejectionReasons } from '../../src/core/rejection.ts';
import { appendEvents } from '../../src/db/archive/append.ts';
import { archiveHead, readPage } from '../../src/db/archive/read.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import { eventOfText, newSource, rawText, trackEvent } from '../support/events.ts';

const db = await testDatabase();
const allBuckets = { bucketFrom: 0, bucketTo: 1023 };

async function archivedAfter(after: number) {
  return (await readPage(db, { after, upTo: await archiveHead(db), ...allBuckets })).events;
}

test('the empty archive has head 0, and nothing changes by appending nothing', async () => {
  expect(await archiveHead(db)).toBe(0);
  expect(await appendEvents(db, [])).toEqual({ head: 0, appended: 0, duplicates: 0, conflicts: 0 });
});

test('gives back what was sent, byte for byte, with everything that delivery decides by', async () => {
  const source = await newSource(db);
  const before = await archiveHead(db);
  const texts = [
    '{"type":"track", "event":"a\\u0000b\\ud800" ,"userId":"u\\u0000","n":9007199254740993,"x":1e400}',
    '{"type":"identify","anonymousId":"é😀","__proto__":{"a":1},"integrations":{"All":false}}',
    `{"type":"page","userId":"${'x'.repeat(maxEventBytes - 100)}"}`,
  ];
  const events = texts.map((text) => eventOfText(source, text));
  const appended = await appendEvents(db, events);
  expect(appended).toEqual({ head: before + 3, appended: 3, duplicates: 0, conflicts: 0 });
  const archived = await archivedAfter(before);
  expect(archived.map(rawText)).toEqual(texts);
  expect(archived.map((event) => event.position)).toEqual([before + 1, before + 2, before + 3]);
  for (const [index, event] of archived.entries()) {
    const sent = events[index];
    expect(event).toMatchObject({
      receivedAt: sent?.receivedAt,
      timestamp: sent?.timestamp,
      sourceId: source,
      origin: 'tracking_api',
      type: sent?.type,
      messageId: sent?.messageId,
      live: true,
      integrations: sent?.integrations,
    });
    expect(JSON.parse(event.edits)).toEqual(sent?.edits);
  }
  expect(archived[0]).toMatchObject({ name: 'a\ufffdb\ufffd', userId: 'u\ufffd', anonymousId: null });
  expect(archived[1]).toMatchObject({ userId: null, anonymousId: 'é😀', integrations: '{"All":false}' });
});

test('the bucket is the first ten bits of the sha256 of the user, and so the same for ever', async () => {
  const source = await newSource(db);
  const { head } = await appendEvents(db, [
    trackEvent(source, { userId: 'user-1', anonymousId: 'other' }),
    trackEvent(source, { userId: null, anonymousId: 'user-1' }),
    trackEvent(source, { userId: 'user-2' }),
  ]);
  const buckets = (await archivedAfter(head - 3)).map((event) => event.bucket);
  // sha256sum gives c6c2... for user-1 and d92b... for user-2.
  expect(buckets).toEqual([0xc6c2 >> 6, 0xc6c2 >> 6, 0xd92b >> 6]);
});

test('tells whoever listens, once per append, and not when nothing was stored', async () => {
  const source = await newSource(db);
  const client = await db.pool.connect();
  const heard: string[] = [];
  client.on('notification', (message) => heard.push(message.payload ?? ''));
  await client.query('listen event_appended');
  const event = trackEvent(source);
  const first = await appendEvents(db, [event, trackEvent(source)]);
  await appendEvents(db, [event]);
  const third = await appendEvents(db, [trackEvent(source)]);
  await client.query('select 1');
  await expect.poll(() => heard).toEqual([String(first.head), String(third.head)]);
  await client.query('unlisten *');
  client.release();
});

test('refuses to append where its snapshot could be older than the lock', async () => {
  const source = await newSource(db);
  await expect(
    db.transaction(async (tx) => {
      await tx.run(sql`set transaction isolation level repeatable read`);
      await appendEvents(tx, [trackEvent(source)]);
    }),
  ).rejects.toThrow('READ COMMITTED');
});

test('the same event again is stored once, whatever a client changes on a retry', async () => {
  const source = await newSource(db);
  const text = (sentAt: string, retry: number) =>
    `{"type":"track","event":"e","userId":"u","messageId":"m-1","sentAt":"${sentAt}","writeKey":"k${retry}","_metadata":{"retry":${retry}}}`;
  const first = await appendEvents(db, [eventOfText(source, text('2026-01-01T00:00:00Z', 0))]);
  const again = await appendEvents(db, [eventOfText(source, text('2026-01-01T00:00:09Z', 1))]);
  expect(again).toEqual({ head: first.head, appended: 0, duplicates: 1, conflicts: 0 });
  expect(await archivedAfter(first.head - 1)).toHaveLength(1);
});

test('another source may use the same messageId', async () => {
  const [one, two] = [await newSource(db), await newSource(db)];
  const events = [one, two].map((source) => trackEvent(source, { messageId: 'shared' }));
  expect(await appendEvents(db, events)).toMatchObject({ appended: 2, duplicates: 0 });
});

test('of duplicates within one append the first is stored, at its place', async () => {
  const source = await newSource(db);
  const ids = ['a', 'b', 'a', 'c', 'b'];
  const events = ids.map((messageId) => trackEvent(source, { messageId }));
  const { head, ...counts } = await appendEvents(db, events);
  expect(counts).toEqual({ appended: 3, duplicates: 2, conflicts: 0 });
  expect((await archivedAfter(head - 3)).map((event) => event.messageId)).toEqual(['a', 'b', 'c']);
});

test('another event with a messageId that was used is kept as rejected, with its bytes', async () => {
  const source = await newSource(db);
  await appendEvents(db, [trackEvent(source, { messageId: 'm', event: 'first' })]);
  const other = trackEvent(source, { messageId: 'm', event: 'other\0' });
  const result = await appendEvents(db, [
    other,
    trackEvent(source, { messageId: 'n', event: 'one' }),
    trackEvent(source, { messageId: 'n', event: 'two' }),
  ]);
  expect(result).toMatchObject({ appended: 1, duplicates: 0, conflicts: 2 });
  const rejected = await db.rows<{ code: string; message: string; message_id: string; raw: Buffer }>(
    sql`select code, message, message_id, raw from rejected_event where source_id = ${source} order by id`,
  );
  expect(rejected.map((row) => row.message_id)).toEqual(['m', 'n']);
  expect(rejected[0]).toMatchObject({
    code: 'message_id_reused',
    message: rejectionReasons.message_id_reused.message,
  });
  expect(rejected[0]?.raw.equals(other.raw)).toBe(true);
});

test('a messageId is free again once it is older than the window', async () => {
  const source = await newSource(db);
  const event = trackEvent(source, { messageId: 'old' });
  await appendEvents(db, [event]);
  const age = (days: number) =>
    db.run(sql`update event_identity set received_at = now() - make_interval(days => ${days}::int)
      where position = (select position from event where source_id = ${source} order by position desc limit 1)`);
  await age(89);
  expect(await appendEvents(db, [event])).toMatchObject({ appended: 0, duplicates: 1 });
  await age(91);
  expect(await appendEvents(db, [event])).toMatchObject({ appended: 1, duplicates: 0 });
  expect(await appendEvents(db, [event])).toMatchObject({ appended: 0, duplicates: 1 });
  await age(2);
  expect(await appendEvents(db, [event], { dedupeWindow: '1 day' })).toMatchObject({ appended: 1 });
});

test('a messageId of any length and content can be told apart', async () => {
  const source = await newSource(db);
  const ids = ['x'.repeat(20_000), `${'x'.repeat(20_000)}y`, '\0', '\ud800', ' '];
  const events = ids.map((messageId) => trackEvent(source, { messageId }));
  expect(await appendEvents(db, events)).toMatchObject({ appended: ids.length });
  expect(await appendEvents(db, events)).toMatchObject({ appended: 0, duplicates: ids.length });
});
