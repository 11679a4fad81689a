import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { archiveHead, readPage } from '../../src/db/archive/read.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, trackEvent } from '../support/events.ts';

const db = await testDatabase({ maxConnections: 24 });
const allBuckets = { bucketFrom: 0, bucketTo: 1023 };
const writers = 10;
const heldOpenMs = () => sleep(Math.random() * 30);

/** Follows the archive as a stream does, until `done` is true and the end is reached. */
async function follow(
  after: number,
  done: () => boolean,
): Promise<{ position: number; messageId: string }[]> {
  const seen: { position: number; messageId: string }[] = [];
  let cursor = after;
  for (;;) {
    const wasDone = done();
    const head = await archiveHead(db);
    while (cursor < head) {
      const page = await readPage(db, { after: cursor, upTo: head, ...allBuckets, limit: 7, window: 50 });
      seen.push(...page.events.map(({ position, messageId }) => ({ position, messageId })));
      cursor = page.scannedTo;
    }
    if (wasDone) return seen;
  }
}

test('a reader of position > cursor sees every event once, in rising order, however long writers stay open', async () => {
  const source = await newSource(db);
  const before = await archiveHead(db);
  let open = writers;
  const write = async (writer: number) => {
    for (let turn = 0; turn < 12; turn++) {
      const count = 1 + ((writer + turn) % 4);
      const events = Array.from({ length: count }, (_, index) =>
        trackEvent(source, { messageId: `${writer}/${turn}/${index}` }),
      );
      await db
        .transaction(async (tx) => {
          await appendEvents(tx, events);
          await heldOpenMs();
          if (turn % 6 === 5) throw new Error('rolled back on purpose');
        })
        .catch((error: Error) => {
          if (error.message !== 'rolled back on purpose') throw error;
        });
    }
    open--;
  };
  const [seen] = await Promise.all([
    follow(before, () => open === 0),
    ...Array.from({ length: writers }, (_, writer) => write(writer)),
  ]);
  const stored = await db.rows<{ position: number; messageId: string }>(
    sql`select position, message_id as "messageId" from event where position > ${before} order by position`,
  );
  expect(stored.length).toBeGreaterThan(writers * 10);
  expect(seen).toEqual(stored);
});

test('the same ids from all writers at once are stored exactly once', async () => {
  const source = await newSource(db);
  const before = await archiveHead(db);
  const ids = Array.from({ length: 60 }, (_, index) => `id-${index}`);
  const sent = new Map(ids.map((messageId) => [messageId, trackEvent(source, { messageId })]));
  const write = async () => {
    let appended = 0;
    let duplicates = 0;
    const shuffled = ids.toSorted(() => Math.random() - 0.5);
    for (let at = 0; at < shuffled.length; at += 5) {
      const events = shuffled.slice(at, at + 5).flatMap((id) => sent.get(id) ?? []);
      await db.transaction(async (tx) => {
        const result = await appendEvents(tx, events);
        appended += result.appended;
        duplicates += result.duplicates;
        await heldOpenMs();
      });
    }
    return { appended, duplicates };
  };
  const results = await Promise.all(Array.from({ length: writers }, write));
  const stored = await db.rows<{ messageId: string }>(
    sql`select message_id as "messageId" from event where position > ${before} order by message_id`,
  );
  expect(stored.map((row) => row.messageId)).toEqual(ids.toSorted());
  const total = (of: 'appended' | 'duplicates') => results.reduce((sum, result) => sum + result[of], 0);
  expect(total('appended')).toBe(ids.length);
  expect(total('duplicates')).toBe(ids.length * (writers - 1));
});
