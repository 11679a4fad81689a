import { expect, test } from 'vitest';
import { pageEvents } from '../../src/db/archive/page-event.ts';
import { appendEvents } from '../../src/db/archive/append.ts';
import { readPage } from '../../src/db/archive/read.ts';
import { openDatabase } from '../../src/db/database.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, rawText, trackEvent } from '../support/events.ts';

const db = await testDatabase({ maxConnections: 1 });
const allBuckets = { bucketFrom: 0, bucketTo: 1023 };

test('a page reads the events that it gives and no others, before Postgres knows anything of the archive', async () => {
  await db.run(sql`alter table event_p0 set (autovacuum_enabled = off)`);
  const source = await newSource(db);
  for (let from = 0; from < 12_000; from += 1_000) {
    const events = Array.from({ length: 1_000 }, (_, index) =>
      trackEvent(source, { properties: { number: from + index, filler: 'x'.repeat(500) } }),
    );
    await appendEvents(db, events);
  }
  const fetched = async () => {
    // The only connection writes down at once what it has counted.
    await db.run(sql`select pg_stat_force_next_flush()`);
    const [row] = await db.rows<{ count: number }>(
      sql`select idx_tup_fetch + seq_tup_read as count from pg_stat_user_tables where relname = 'event_p0'`,
    );
    return row!.count;
  };
  const before = await fetched();
  const page = await readPage(db, { after: 1_000, upTo: 12_000, ...allBuckets, limit: 50 });
  expect(page).toMatchObject({ scannedTo: 1_050 });
  expect(page.events).toHaveLength(50);
  expect((await fetched()) - before).toBeLessThanOrEqual(100);
});

test('what goes wrong in the database is thrown, and the next statement finds a connection', async () => {
  await expect(db.copyOut(sql`select 1 / ${0}`)).rejects.toMatchObject({ code: '22012' });
  await expect(db.copyOut(sql`select`, { no_such_setting: 'off' })).rejects.toMatchObject({ code: '42704' });
  expect(await db.rows(sql`select 1 as one`)).toEqual([{ one: 1 }]);
  expect(await db.rows(sql`show enable_sort`)).toEqual([{ enable_sort: 'on' }]);
});

test('a statement that takes too long fails', async () => {
  const hasty = openDatabase({ url: db.url, name: 'hasty', queryTimeoutMs: 100 });
  await expect(hasty.copyOut(sql`select pg_sleep(${30})`)).rejects.toThrow('timeout');
  await hasty.close();
});

test('values stay values, whatever is in them', async () => {
  const text = `it's "a" \\ {b}, $1 $$ ü😀\n`;
  const pieces = await db.copyOut(
    sql`select ${text}::text, ${[text, '']}::text[] = array[${text}, ''], ${-1.5}::text`,
  );
  const bytes = Buffer.concat(pieces);
  const copied = await db.rows<{ bytes: Buffer }>(sql`select ${bytes}::bytea as bytes`);
  expect(copied[0]?.bytes.includes(Buffer.from(text))).toBe(true);
  expect(bytes.includes(Buffer.from('-1.5'))).toBe(true);
  expect(bytes.includes(Buffer.from([0, 0, 0, 1, 1]))).toBe(true);
  await expect(db.copyOut(sql`select ${{}}`)).rejects.toThrow('no literal');
});

test('no rows make no events', async () => {
  expect(pageEvents(await db.copyOut(sql`select 1 where false`))).toEqual([]);
});

test('rows longer and shorter than a piece come whole and in order', async () => {
  const source = await newSource(db);
  const lengths = [10, 17_000, 3, ...Array.from({ length: 20 }, () => 30_000), 5];
  const texts = lengths.map((length, index) => String(index % 10).repeat(length));
  const sent = texts.map((text) => trackEvent(source, { properties: { text } }));
  const { head } = await appendEvents(db, sent);
  const { events } = await readPage(db, { after: head - sent.length, upTo: head, ...allBuckets });
  const read = events.map(
    (event) => (JSON.parse(rawText(event)) as { properties: { text: string } }).properties.text,
  );
  expect(read).toEqual(texts);
});

test('a page that begins with a long row is read as well', async () => {
  const source = await newSource(db);
  const [first, second] = ['a'.repeat(30_000), 'b'.repeat(30_000)];
  const { head } = await appendEvents(
    db,
    [first, second, 'c'].map((filler) => trackEvent(source, { properties: { filler } })),
  );
  for (const skipped of [0, 1]) {
    const page = await readPage(db, { after: head - 3 + skipped, upTo: head, ...allBuckets });
    const texts = page.events.map(rawText);
    expect(texts).toHaveLength(3 - skipped);
    for (const [index, filler] of [first, second, 'c'].slice(skipped).entries())
      expect(texts[index]).toContain(`"${filler}"`);
  }
});
