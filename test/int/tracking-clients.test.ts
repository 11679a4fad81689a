import { Analytics as CustomerIo } from '@customerio/cdp-analytics-node';
import { Analytics as Segment } from '@segment/analytics-node';
import { expect, test } from 'vitest';
import { eventTypes, type ArchivedEvent } from '../../src/core/event.ts';
import { testDatabase } from '../support/database.ts';
import { sendAll } from '../support/every-call.ts';
import { rawText } from '../support/events.ts';
import { recordingProxy, type RecordedRequest } from '../support/recording-proxy.ts';
import { archivedOf, basic, completedOf, newKey, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });

/** Every event of every batch is there, byte for byte, and nothing else is. */
function expectAsSent(archived: readonly ArchivedEvent[], sent: readonly RecordedRequest[]): void {
  const taken = archived.map(rawText);
  let place = 0;
  for (const { body } of sent) {
    const count = (JSON.parse(body) as { batch: unknown[] }).batch.length;
    expect(body.startsWith(`{"batch":[${taken.slice(place, place + count).join(',')}]`)).toBe(true);
    place += count;
  }
  expect(place).toBe(taken.length);
  expect(archived.map(({ type }) => type)).toEqual(eventTypes);
}

/** What goes out says the same as what came in, with the server's word on times. */
function expectCompleted(archived: readonly ArchivedEvent[]): void {
  for (const event of archived) {
    const sent = JSON.parse(rawText(event)) as Record<string, unknown>;
    expect(completedOf(event)).toEqual({
      ...sent,
      originalTimestamp: sent['timestamp'],
      timestamp: event.timestamp.toISOString(),
      receivedAt: event.receivedAt.toISOString(),
    });
  }
}

test('@segment/analytics-node, unchanged: every call arrives and stays byte for byte', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const proxy = await recordingProxy(url);
  const analytics = new Segment({ writeKey, host: proxy.url, flushAt: 4, flushInterval: 50, maxRetries: 0 });
  const failures: unknown[] = [];
  analytics.on('error', (error) => failures.push(error));
  sendAll(analytics);
  await analytics.closeAndFlush({ timeout: 10_000 });
  expect(failures).toEqual([]);
  expect(proxy.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(
    proxy.requests.map(() => 'POST /v1/batch'),
  );
  const archived = (await archivedOf(db, sourceId)).toSorted(byCall);
  expectAsSent(archived, proxy.requests.toSorted(byFirstCall));
  expectCompleted(archived);
});

test('@customerio/cdp-analytics-node, unchanged: the key comes in the header alone', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const proxy = await recordingProxy(url);
  const analytics = new CustomerIo({ writeKey, host: proxy.url, maxEventsInBatch: 4, flushInterval: 50 });
  const failures: unknown[] = [];
  analytics.on('error', (error) => failures.push(error));
  sendAll(analytics);
  await analytics.closeAndFlush({ timeout: 10_000 });
  expect(failures).toEqual([]);
  for (const { headers, body } of proxy.requests) {
    expect(headers.authorization).toBe(basic(writeKey));
    expect(Object.keys(JSON.parse(body) as object)).toEqual(['batch']);
  }
  const archived = (await archivedOf(db, sourceId)).toSorted(byCall);
  expectAsSent(archived, proxy.requests.toSorted(byFirstCall));
  expectCompleted(archived);
});

test.each([
  ['@segment/analytics-node', (writeKey: string) => new Segment({ writeKey, host: url, maxRetries: 0 })],
  [
    '@customerio/cdp-analytics-node',
    (writeKey: string) => new CustomerIo({ writeKey, host: url, maxRetries: 0 }),
  ],
] as const)('%s hears of a key that is none', async (_, open) => {
  const analytics = open('nobody');
  // Both have the same events; only their types say so each in its own way.
  const heard = new Promise((resolve) => (analytics as Segment).on('error', resolve));
  analytics.track({ userId: 'u', event: 'e' });
  await analytics.closeAndFlush({ timeout: 10_000 });
  expect(await heard).toMatchObject({ code: 'delivery_failure' });
});

/** Two batches may overtake one another; within one the order stays. */
function byCall(one: ArchivedEvent, other: ArchivedEvent): number {
  return eventTypes.indexOf(one.type) - eventTypes.indexOf(other.type);
}

function byFirstCall(one: RecordedRequest, other: RecordedRequest): number {
  const place = ({ body }: RecordedRequest) =>
    eventTypes.indexOf((JSON.parse(body) as { batch: [ArchivedEvent] }).batch[0].type);
  return place(one) - place(other);
}
