import { expect, test } from 'vitest';
import { startApi } from '../support/api-process.ts';
import { testDatabase } from '../support/database.ts';
import { rawText } from '../support/events.ts';
import { illegibleItems, poisonBodies } from '../support/poison-bodies.ts';
import { poisonItems } from '../support/poison-items.ts';
import { archivedOf, basic, completedOf, newKey, rejectedOf, send } from '../support/tracking.ts';

const db = await testDatabase();
const success = { status: 200, body: '{"success":true}' };
const good = (id: string | number) => `{"type":"page","userId":"good","messageId":"good-${id}"}`;

test('each class of poison has a name and a text of its own, and there are enough of them', () => {
  const names = [...poisonItems, ...illegibleItems, ...poisonBodies].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(poisonItems.length).toBeGreaterThan(200);
  expect(illegibleItems.length + poisonBodies.length).toBeGreaterThan(100);
});

test('poison in batches is kept as it came or kept apart for its reason, its neighbours are archived', async () => {
  const api = await startApi(db.url);
  const { sourceId, writeKey } = await newKey(db);
  for (let at = 0; at < poisonItems.length; at += 12) {
    const some = poisonItems.slice(at, at + 12);
    const items = some.flatMap(({ text }, index) => [text, good(at + index)]);
    const headers = { authorization: basic(writeKey) };
    const answer = await send(`${api.url}/v1/batch`, { headers, body: `{"batch":[ ${items.join(' , ')} ]}` });
    expect(answer, some.map(({ name }) => name).join('; ')).toMatchObject(success);
  }
  const archived = await archivedOf(db, sourceId);
  const kept = poisonItems.flatMap(({ text, fate }, index) =>
    fate === 'archived' ? [text, good(index)] : [good(index)],
  );
  expect(archived.map(rawText)).toEqual(kept);
  const refused = poisonItems.filter(({ fate }) => fate !== 'archived');
  expect((await rejectedOf(db, sourceId)).map(({ code, raw }) => [code, raw.toString()])).toEqual(
    refused.map(({ fate, text }) => [fate, text]),
  );
  const untimed = new Set(poisonItems.filter((item) => item.untimed).map(({ text }) => text));
  for (const event of archived) {
    expect(completedOf(event)).toMatchObject({ receivedAt: event.receivedAt.toISOString() });
    if (untimed.has(rawText(event))) expect(event.timestamp, rawText(event)).toEqual(event.receivedAt);
  }
  expect(api.process.exitCode).toBeNull();
  expect(api.output()).not.toContain('"level":50');
});

test('an item of each class sent alone ends as it does in a batch', async () => {
  const api = await startApi(db.url);
  const { sourceId, writeKey } = await newKey(db);
  const headers = { authorization: basic(writeKey), 'x-strict-mode': '1' };
  for (const { name, text, fate } of poisonItems) {
    const answer = await send(`${api.url}/v1/batch`, { headers, body: `{"batch":[${text}]}` });
    if (fate === 'archived') expect(answer, name).toMatchObject(success);
    else {
      expect(answer.status, name).toBe(400);
      expect(JSON.parse(answer.body), name).toMatchObject({
        code: 'events_invalid',
        errors: [{ index: 0, code: fate }],
      });
    }
  }
  const archived = (await archivedOf(db, sourceId)).map(rawText);
  expect(archived).toEqual(poisonItems.filter(({ fate }) => fate === 'archived').map(({ text }) => text));
  expect(await rejectedOf(db, sourceId)).toEqual([]);
});

test('items that are no JSON in UTF-8 are kept apart, their neighbours are archived', async () => {
  const api = await startApi(db.url);
  const { sourceId, writeKey } = await newKey(db);
  const authorization = basic(writeKey);
  const body = batchAround(illegibleItems.map(({ text }) => text));
  expect(await send(`${api.url}/v1/batch`, { headers: { authorization }, body })).toMatchObject(success);
  const archived = await archivedOf(db, sourceId);
  expect(archived.map(rawText)).toEqual(illegibleItems.map((_, index) => good(index)));
  expect(archived.map((event) => completedOf(event))).toMatchObject(
    illegibleItems.map(() => ({ context: { ip: '127.0.0.1', locale: 'é' } })),
  );
  const kept = (await rejectedOf(db, sourceId)).map(({ code, raw }) => [code, raw.toString('latin1')]);
  expect(kept).toEqual(
    illegibleItems.map(({ text }) => ['malformed_json', Buffer.from(text).toString('latin1')]),
  );
  for (const { name, text } of illegibleItems) {
    const strict = { authorization, 'x-strict-mode': '1' };
    const answer = await send(`${api.url}/v1/batch`, { headers: strict, body: batchAround([text]) });
    expect(JSON.parse(answer.body), name).toMatchObject({ errors: [{ index: 0, code: 'malformed_json' }] });
    const alone = await send(`${api.url}/v1/track`, { headers: { authorization }, body: text });
    expect([alone.status, JSON.parse(alone.body)], name).toMatchObject([
      400,
      { code: expect.stringMatching(/^malformed_/) as string },
    ]);
  }
});

/** A batch of items, each followed by an event that is as it should be. */
function batchAround(items: readonly Uint8Array[]): Buffer {
  const all = items.flatMap((text, index) => [
    Buffer.from(index === 0 ? '' : ' ,'),
    text,
    Buffer.from(`, ${good(index)}`),
  ]);
  return Buffer.concat([
    Buffer.from('{"batch":[ '),
    ...all,
    Buffer.from(' ],"context":{"ip":"127.0.0.1","locale":"é"}}'),
  ]);
}

test('a request that is poison as a whole is refused with a fitting code, and those beside it are archived', async () => {
  const api = await startApi(db.url);
  const { sourceId, writeKey } = await newKey(db);
  const authorization = basic(writeKey);
  const beside = await newKey(db);
  for (const [index, { name, body, encoding, status, code }] of poisonBodies.entries()) {
    const headers =
      encoding === undefined ? { authorization } : { authorization, 'content-encoding': encoding };
    const [poison, neighbour] = await Promise.all([
      send(`${api.url}/v1/batch`, { headers, body }),
      send(`${api.url}/v1/page`, { headers: { authorization: basic(beside.writeKey) }, body: good(index) }),
    ]);
    expect(poison.status, name).toBe(status);
    expect(JSON.parse(poison.body), name).toEqual({
      code,
      message: expect.stringMatching(/.{10}/) as string,
    });
    expect(neighbour, name).toMatchObject(success);
  }
  expect(await archivedOf(db, beside.sourceId)).toHaveLength(poisonBodies.length);
  expect(await archivedOf(db, sourceId)).toEqual([]);
  expect(await rejectedOf(db, sourceId)).toEqual([]);
  expect(api.process.exitCode).toBeNull();
});
