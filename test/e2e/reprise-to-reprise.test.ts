import { expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { startApi } from '../support/api-process.ts';
import { testDatabase } from '../support/database.ts';
import { openScene } from '../support/scene.ts';
import { archivedOf, basic, completedOf, newKey, send } from '../support/tracking.ts';

const there = await testDatabase();
const scene = await openScene();
const day = 86_400_000;

/** Half a year ago, as a file of history has it. */
const history = Array.from({ length: 1_500 }, (_, index) => {
  const timestamp = new Date(Date.now() - 180 * day + index * 1_000).toISOString();
  const properties = `{"n":${index},"big":9007199254740993,"text":"\\u0000 ✓"}`;
  return `{"type":"track","event":"Order Completed","userId":"u${index % 40}","messageId":"old-${index}","timestamp":"${timestamp}","sentAt":"2026-01-01T00:00:00Z","properties":${properties}}`;
}).join('\n');

/** A client whose clock is an hour behind, with what the batch gives to its items. */
function lateBatch(): string {
  const clock = (ms: number) => new Date(Date.now() - 3_600_000 - ms).toISOString();
  const item = (id: string) =>
    `{"type":"identify","userId":"late","messageId":"${id}","originalTimestamp":"${clock(60_000)}","traits":{"plan":"gold"},"_metadata":{"nodeVersion":"22"}}`;
  return `{"batch":[${item('late-1')},${item('late-2')}],"context":{"library":{"name":"shop","version":"1"}},"sentAt":"${clock(0)}"}`;
}

test('one Reprise replays half a year into another: times, ids and contents are the same there, and nothing is stored twice', async () => {
  const { product } = scene;
  const { sourceId, writeKey } = await newKey(there);
  const receiver = await startApi(there.url);
  const [source] = (await product.call('GET', '/api/sources')).body.data;
  const imported = await product.call('POST', `/api/imports?sourceId=${source.id}`, Buffer.from(history));
  expect(imported.body).toMatchObject({ appended: 1_500, rejected: 0 });
  const answer = await send(`${product.apiUrl}/v1/batch`, {
    headers: { authorization: basic(source.writeKey) },
    body: lateBatch(),
  });
  expect(answer.status).toBe(200);

  const made = await product.call('POST', '/api/destinations', {
    type: 'segment',
    name: 'Other Reprise',
    settings: { endpoint: receiver.url, writeKey, gzip: true },
  });
  expect(made.status).toBe(201);
  expect(JSON.stringify(made.body)).not.toContain(writeKey);
  const first = await scene.ended((await scene.replay(made.body.id)).id);
  expect(first).toMatchObject({ status: 'completed', counts: { selected: 1_502, delivered: 1_502 } });

  const here = await scene.rows<{ messageId: string; timestamp: Date; raw: string; edits: string }>(
    'select message_id as "messageId", timestamp, raw, edits from event',
    [],
  );
  const arrived = new Map((await archivedOf(there, sourceId)).map((event) => [event.messageId, event]));
  expect(arrived.size).toBe(1_502);
  for (const sent of here) {
    const event = arrived.get(sent.messageId)!;
    expect(event.timestamp).toEqual(sent.timestamp);
    const {
      sentAt: _s,
      receivedAt: _r,
      originalTimestamp: _o,
      _metadata: _m,
      ...expected
    } = completedOf({
      ...event,
      raw: Buffer.from(sent.raw),
      edits: sent.edits,
    });
    expect(JSON.parse(Buffer.from(event.raw).toString())).toEqual(expected);
  }

  const again = await scene.ended((await scene.replay(made.body.id, { mode: 'all', newIds: false })).id);
  expect(again).toMatchObject({ status: 'completed', counts: { delivered: 1_502 } });
  const [{ count } = { count: 0 }] = await there.rows<{ count: number }>(
    sql`select count(*) as count from event`,
  );
  expect(count).toBe(1_502);
  const [rejected] = await there.rows<{ count: number }>(sql`select count(*) as count from rejected_event`);
  expect(rejected?.count).toBe(0);

  // The stream, too, and a person who is new there.
  await send(`${product.apiUrl}/v1/track`, {
    headers: { authorization: basic(source.writeKey) },
    body: '{"event":"Hello","userId":"new","messageId":"live-1"}',
  });
  await expect
    .poll(async () => (await archivedOf(there, sourceId)).map(({ messageId }) => messageId), {
      timeout: 30_000,
    })
    .toContain('live-1');
});
