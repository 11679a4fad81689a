import { expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { archiveHead, readPage } from '../../src/db/archive/read.ts';
import { sql, type Queryable } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, trackEvent } from '../support/events.ts';

const size = 4_194_304;
const db = await testDatabase();
const source = await newSource(db);

const append = (count: number, on: Queryable = db) =>
  appendEvents(
    on,
    Array.from({ length: count }, () => trackEvent(source)),
  );
const goTo = (position: number) => db.run(sql`select setval('event_position', ${position}::bigint)`);
const partitions = async () => {
  const rows = await db.rows<{ name: string }>(
    sql`select inhrelid::regclass::text as name from pg_inherits where inhparent = 'event'::regclass order by 1`,
  );
  return rows.map((row) => row.name);
};

test('a partition is made when the one before it is half full, not earlier', async () => {
  await goTo(size / 2 - 20);
  await append(10);
  expect(await partitions()).toEqual(['event_p0']);
  await append(10);
  expect(await partitions()).toEqual(['event_p0', 'event_p1']);
});

test('an append runs across a border, and a reader with it', async () => {
  await goTo(size - 5);
  const { head } = await append(10);
  expect(head).toBe(size + 5);
  expect(await archiveHead(db)).toBe(head);
  const places = await db.rows<{ partition: string; count: number }>(
    sql`select tableoid::regclass::text as partition, count(*) as count from event where position > ${size - 5}
      group by 1 order by 1`,
  );
  expect(places).toEqual([
    { partition: 'event_p0', count: 4 },
    { partition: 'event_p1', count: 6 },
  ]);
  const page = await readPage(db, { after: size - 5, upTo: head, bucketFrom: 0, bucketTo: 1023 });
  expect(page.events.map((event) => event.position)).toEqual(
    Array.from({ length: 10 }, (_, index) => size - 4 + index),
  );
});

test('an append larger than what is left ahead still finds its partitions', async () => {
  await goTo(9 * size - 2);
  expect((await append(4)).head).toBe(9 * size + 2);
  expect(await partitions()).toEqual(expect.arrayContaining(['event_p8', 'event_p9']));
});

test('every partition has the indexes of the archive', async () => {
  const rows = await db.rows<{ partition: string; indexes: number }>(
    sql`select indrelid::regclass::text as partition, count(*) as indexes from pg_index
      where indrelid in (select inhrelid from pg_inherits where inhparent = 'event'::regclass) group by 1`,
  );
  expect(rows.length).toBeGreaterThan(3);
  expect(new Set(rows.map((row) => row.indexes))).toEqual(new Set([3]));
});

test('readers in the middle of a transaction do not keep a new partition waiting', async () => {
  await goTo(20.5 * size);
  await db.transaction(async (reader) => {
    await reader.rows(sql`select count(*) from event where position < 100`);
    await db.transaction(async (writer) => {
      await writer.run(sql`set local lock_timeout = '5s'`);
      await append(1, writer);
    });
    await reader.rows(sql`select count(*) from event where position < 100`);
  });
  expect(await partitions()).toEqual(expect.arrayContaining(['event_p20', 'event_p21']));
});

test('somebody’s ANALYZE keeps no append waiting: the partition ahead is made later', async () => {
  await goTo(30.25 * size);
  await append(1);
  await goTo(30.5 * size);
  await db.transaction(async (analyze) => {
    await analyze.run(sql`lock table event in share update exclusive mode`);
    await append(1);
    expect(await partitions()).not.toContain('event_p31');
  });
  await append(1);
  expect(await partitions()).toContain('event_p31');
});
