import { brotliCompressSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Edit } from '../../src/core/event.ts';
import { testDatabase } from '../support/database.ts';
import { sentBody } from '../support/sent-batch.ts';
import { checkKept, sentEvent, type Kept } from '../support/sent-event.ts';
import { archivedOf, basic, newKey, rejectedOf, send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });

const keptOf = async (sourceId: string): Promise<Kept[]> =>
  (await archivedOf(db, sourceId)).map(({ receivedAt, timestamp, messageId, userId, raw, edits }) => {
    return { receivedAt, timestamp, messageId, userId, raw, edits: JSON.parse(edits) as Edit[] };
  });

const encodings: [string, (text: string) => Buffer][] = [
  ['identity', (text) => Buffer.from(text)],
  ['gzip', (text) => gzipSync(text)],
  ['br', (text) => brotliCompressSync(text)],
];

test('what was sent in batches comes back from the archive byte for byte, and completed as the rules say', async () => {
  const sending = fc.tuple(sentBody, fc.constantFrom(...encodings));
  await fc.assert(
    fc.asyncProperty(sending, async ([{ text, items, says }, [encoding, encode]]) => {
      const { sourceId, writeKey } = await newKey(db);
      const headers = { authorization: basic(writeKey), 'content-encoding': encoding };
      const answer = await send(`${url}/v1/batch`, { headers, body: encode(text) });
      expect(answer).toMatchObject({ status: 200, body: '{"success":true}' });
      const good = items.flatMap((item) => ('event' in item ? [item.event] : []));
      const kept = await keptOf(sourceId);
      expect(kept).toHaveLength(good.length);
      good.forEach((sent, index) => checkKept(sent, says, kept[index]!));
      const apart = (await rejectedOf(db, sourceId)).map(({ code, raw }) => [code, raw.toString()]);
      expect(apart).toEqual(items.flatMap((item) => ('event' in item ? [] : [[item.code, item.text]])));
    }),
    { numRuns: 250 },
  );
});

test('so does what was sent in single calls, also when they share a commit', async () => {
  const several = fc.uniqueArray(sentEvent, {
    minLength: 1,
    maxLength: 8,
    selector: (sent) => sent.messageId ?? {},
  });
  await fc.assert(
    fc.asyncProperty(several, async (list) => {
      const keys = await Promise.all(list.map(() => newKey(db)));
      await Promise.all(
        list.map(async ({ text }, index) => {
          const { type } = JSON.parse(text) as { type: string };
          const headers = { authorization: basic(keys[index]!.writeKey) };
          expect(await send(`${url}/v1/${type}`, { headers, body: text })).toMatchObject({ status: 200 });
        }),
      );
      for (const [index, sent] of list.entries()) {
        const [kept] = await keptOf(keys[index]!.sourceId);
        checkKept(sent, { sentAt: null, context: null, integrations: null }, kept!);
      }
    }),
    { numRuns: 100 },
  );
});
