import { randomUUID } from 'node:crypto';
import { Analytics as CustomerIo } from '@customerio/cdp-analytics-node';
import { Analytics as Segment } from '@segment/analytics-node';
import { expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import { connect, newEngine, newReplay, runToEnd } from '../support/engine.ts';
import { rawText } from '../support/events.ts';
import { sendAll } from '../support/every-call.ts';
import { startProcess } from '../support/processes.ts';
import { recordingProxy, type RecordedRequest } from '../support/recording-proxy.ts';
import { call, openShop } from '../support/shop.ts';
import { archivedOf, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });

type Json = Record<string, unknown>;

/** An event as a client wrote it, and when it said that it sent it. */
interface Written {
  readonly item: Json;
  readonly sentAt: string | undefined;
}

function writtenIn({ path, body }: RecordedRequest): Written[] {
  const json = JSON.parse(body) as Json;
  const isBatch = /\/(batch|b)$/.test(path);
  const items = isBatch ? (json['batch'] as Json[]) : [json];
  return items.map((item) => ({ item, sentAt: (item['sentAt'] ?? json['sentAt']) as string | undefined }));
}

/**
 * What a destination must get of it, by the rule of Segment's common fields: the clock of the client is put right by
 * when it sent. The key goes nowhere.
 */
function owed({ item, sentAt }: Written, receivedAt: string): Json {
  const { writeKey: _, ...rest } = item;
  const said = Date.parse(String(item['timestamp']));
  const late = sentAt === undefined ? null : Date.parse(sentAt) - said;
  const happened = late === null ? said : Date.parse(receivedAt) - late;
  const timestamp = new Date(happened).toISOString();
  return { ...rest, receivedAt, originalTimestamp: item['timestamp'], timestamp };
}

/** A source with a key, whose events go to a webhook as they come. */
async function newWay() {
  const engine = await newEngine(db);
  const writeKey = `wk_${randomUUID()}`;
  await db.run(sql`insert into write_key (key, source_id) values (${writeKey}, ${engine.source})`);
  const stream = await connect(engine);
  const archived = () => archivedOf(db, engine.source);
  const deliver = async () => {
    await runToEnd(engine, stream);
    return engine.sink.bodies.splice(0);
  };
  const again = async () => {
    await runToEnd(engine, await newReplay(engine, { mode: 'all', newIds: false }));
    return engine.sink.bodies.splice(0);
  };
  return { writeKey, archived, deliver, again };
}

type Way = Awaited<ReturnType<typeof newWay>>;

const idOf = (event: Json) => String(event['messageId']);
const byId = (events: readonly Json[]) => new Map(events.map((event) => [idOf(event), event]));

/** What was written is what the archive holds, what a webhook gets, and what a replay sends it again. */
async function expectThrough(way: Way, requests: readonly RecordedRequest[], count: number): Promise<void> {
  const written = requests.filter(({ method }) => method === 'POST').flatMap(writtenIn);
  const archived = await way.archived();
  expect(written).toHaveLength(count);
  expect(byId(archived.map((event) => JSON.parse(rawText(event)) as Json))).toEqual(
    byId(written.map(({ item }) => item)),
  );
  const bodies = await way.deliver();
  const delivered = byId(bodies.map((body) => JSON.parse(body) as Json));
  expect(bodies).toHaveLength(count);
  for (const one of written) {
    const got = delivered.get(idOf(one.item));
    expect(got).toEqual(owed(one, String(got?.['receivedAt'])));
  }
  expect((await way.again()).toSorted()).toEqual(bodies.toSorted());
}

test('@segment/analytics-node: what it sent is what a webhook gets, live and again', async () => {
  const way = await newWay();
  const proxy = await recordingProxy(url);
  const analytics = new Segment({ writeKey: way.writeKey, host: proxy.url, flushAt: 4, flushInterval: 50 });
  sendAll(analytics);
  await analytics.closeAndFlush({ timeout: 10_000 });
  await expectThrough(way, proxy.requests, 6);
});

test('@customerio/cdp-analytics-node: what it sent is what a webhook gets, live and again', async () => {
  const way = await newWay();
  const proxy = await recordingProxy(url);
  const analytics = new CustomerIo({
    writeKey: way.writeKey,
    host: proxy.url,
    maxEventsInBatch: 4,
    flushInterval: 50,
  });
  sendAll(analytics);
  await analytics.closeAndFlush({ timeout: 10_000 });
  await expectThrough(way, proxy.requests, 6);
});

test('@segment/analytics-next in Chromium: what it sent is what a webhook gets, live and again', async () => {
  const way = await newWay();
  const { page, proxy } = await openShop(url, way.writeKey);
  await call(page, 'identify', 'user-1', { plan: 'é😀 "quoted" </script>' });
  await call(page, 'track', 'Order Completed', { total: 12.5, items: [1, { a: null }] });
  await call(page, 'page', 'Docs', 'Home');
  await expect.poll(way.archived, { timeout: 20_000 }).toHaveLength(3);
  await expectThrough(way, proxy.requests, 3);
});

test('customerio-node: what it sent is what a webhook gets, live and again', async () => {
  const way = await newWay();
  const calls = new URL('../support/customerio-calls.ts', import.meta.url);
  const client = startProcess(calls, {}, { args: [`${url}/api/v1`, way.writeKey] });
  expect(await client.exited, client.output()).toBe(0);
  const odd = 'é😀 "quoted" \u0000';
  const archived = await way.archived();
  const bodies = await way.deliver();
  const sorted = bodies.map((body) => JSON.parse(body) as Json).toSorted(byType);
  expect(sorted).toMatchObject([
    { type: 'identify', userId: 'user-1', traits: { plan: odd, created_at: 1361205308 } },
    { type: 'page', userId: 'user-1', name: '/home' },
    { type: 'track', userId: 'user-1', event: 'Order Completed', properties: { total: 12.5, note: odd } },
  ]);
  expect(sorted.map(idOf).toSorted()).toEqual(archived.map(({ messageId }) => messageId).toSorted());
  expect((await way.again()).toSorted()).toEqual(bodies.toSorted());
});

function byType(one: Json, other: Json): number {
  return String(one['type']).localeCompare(String(other['type']));
}
