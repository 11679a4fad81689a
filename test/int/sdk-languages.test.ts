import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runClient } from '../../src/dev/compat/client.ts';
import { eventTypes, type ArchivedEvent } from '../../src/core/event.ts';
import { startApi } from '../support/api-process.ts';
import { testDatabase } from '../support/database.ts';
import { rawText } from '../support/events.ts';
import { testFolder } from '../support/folder.ts';
import { openProxy } from '../support/proxy.ts';
import { recordingProxy, type RecordedRequest } from '../support/recording-proxy.ts';
import { customerIoPython, segmentGo, segmentPython, type BatchingSdk } from '../support/sdks/batching.ts';
import { isMissing } from '../support/sdks/installed.ts';
import { archivedOf, completedOf, newKey } from '../support/tracking.ts';
import { until } from '../support/until.ts';

const db = await testDatabase();
const folder = testFolder();

/** The first six calls, and texts that stand in them as the SDK writes them: numbers and times keep their spelling. */
const python = {
  calls: [
    { userId: 'user-1', traits: { plan: 'é😀 "quoted" \u2028 \u0000', since: '2020-02-29' } },
    {
      userId: 'user-1',
      event: 'Order Completed',
      timestamp: '2020-02-29T12:00:00.000+00:00',
      properties: { exact: 0.1, deep: { list: [1, { none: null }], pair: [true, false] } },
    },
    {
      userId: 'user-1',
      category: 'Docs',
      name: 'Home',
      properties: { url: 'https://shop.example/?a=<b>&c' },
    },
    { anonymousId: 'anon-1', name: 'Start' },
    { userId: 'user-1', traits: { seats: 5 } },
    { userId: '9007199254740993', previousId: 'user-1' },
  ],
  texts: [
    '"groupId": 9007199254740993,',
    '"big": 9223372036854775809,',
    '"total": 12.0,',
    '"tiny": 1e-07,',
    '"at": "2020-02-29T12:00:00.000001+00:00"',
  ],
};
const go = {
  calls: [
    {
      userId: 'user-1',
      traits: { plan: 'é😀 "quoted" \u2028 \u0000', createdAt: '2020-02-29T12:00:00.000001Z' },
    },
    {
      userId: 'user-1',
      event: 'Order Completed',
      timestamp: '2020-02-29T12:00:00.000001Z',
      properties: { total: 12.5, deep: { list: [1, { none: null }] } },
    },
    { userId: 'user-1', name: 'Home', properties: { url: 'https://shop.example/?a=<b>&c' } },
    { anonymousId: 'anon-1', name: 'Start' },
    { userId: 'user-1', groupId: 'group-1', traits: { seats: 5 } },
    { userId: 'user-2', previousId: 'user-1' },
  ],
  texts: ['"big":18446744073709551615,', '"tiny":1e-7', '"at":"2020-02-29T12:00:00.000001Z"'],
};

const sdks = [
  { sdk: segmentPython, expected: python },
  { sdk: customerIoPython, expected: python },
  { sdk: segmentGo, expected: go },
].map(({ sdk, expected }) => {
  let installed: ReturnType<typeof sdk.ready> | undefined;
  const ready = () => (installed ??= sdk.ready(mkdtempSync(join(folder, 'sdk-'))));
  return { name: sdk.name, library: sdk.library, expected, ready };
});

/** Every event is there as the SDK wrote it, and completed with what its batch says. */
function expectAsSent(
  archived: readonly ArchivedEvent[],
  requests: readonly RecordedRequest[],
  library: BatchingSdk['library'],
): void {
  const sent = requests.map(({ body }) => body);
  const sizes = sent.map((body) => (JSON.parse(body) as { batch: unknown[] }).batch.length);
  expect(sizes.length).toBeGreaterThan(2);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(archived.length);
  expect(new Set(archived.map(({ messageId }) => messageId)).size).toBe(archived.length);
  for (const event of archived) {
    const raw = rawText(event);
    expect(sent.some((body) => body.includes(raw))).toBe(true);
    const said = JSON.parse(raw) as { messageId: string; timestamp: string };
    expect(event.messageId).toBe(said.messageId);
    expect(completedOf(event)).toMatchObject({
      messageId: said.messageId,
      originalTimestamp: said.timestamp,
      context: { library },
    });
  }
}

test.for(sdks)(
  '$name, unchanged: every call and more than two batches arrive, byte for byte',
  { timeout: 400_000 },
  async ({ library, expected, ready }, { skip }) => {
    const installed = await ready();
    if (isMissing(installed)) return skip(installed.missing);
    const api = await startApi(db.url);
    const { sourceId, writeKey } = await newKey(db);
    const proxy = await recordingProxy(api.url);
    await installed.values(proxy.url, writeKey);
    const archived = await archivedOf(db, sourceId);
    expectAsSent(archived, proxy.requests, library);
    const isNumbered = ({ name }: ArchivedEvent) => name?.startsWith('Event ') === true;
    const numbers = archived.filter(isNumbered).map(({ name }) => Number(name?.slice(6)));
    expect(numbers.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 250 }, (_, n) => n));
    const calls = archived.filter((event) => !isNumbered(event));
    expect(calls.map(({ type }) => type)).toEqual(eventTypes);
    expect(calls.map((event) => JSON.parse(rawText(event)) as unknown)).toMatchObject(expected.calls);
    const texts = calls.map(rawText).join('\n');
    for (const text of expected.texts) expect(texts).toContain(text);
  },
);

test.for(sdks)(
  '$name sends again what came while Postgres and then the server were away',
  { timeout: 400_000 },
  async ({ ready }, { skip }) => {
    const installed = await ready();
    if (isMissing(installed)) return skip(installed.missing);
    const postgres = new URL(db.url);
    const link = await openProxy(() => Number(new URL(db.url).port));
    postgres.port = String(link.port);
    const first = await startApi(postgres.href);
    const { sourceId, writeKey } = await newKey(db);
    let port = Number(new URL(first.url).port);
    let tries = 0;
    const front = await openProxy(() => {
      tries += 1;
      return port;
    });
    onTestFinished(async () => {
      await front.close();
      await link.close();
    });
    await link.cut();
    const events = Array.from(
      { length: 30 },
      (_, n) => ({ type: 'track', userId: 'u', event: `${n}` }) as const,
    );
    const client = runClient(installed.client, {
      writeKey,
      apiHost: `http://127.0.0.1:${front.port}`,
      sequences: [{ delayMs: 0, events }],
      config: { flushAt: 10, flushInterval: 1_000, maxRetries: 10, timeout: 15 },
    });
    await until('it is answered 503', first.output, (text) => text.includes('tracking API failed'));
    first.process.kill('SIGKILL');
    await first.exited;
    const before = tries;
    front.resetAll();
    await until(
      'it comes again in vain',
      () => tries,
      (count) => count > before,
    );
    await link.become({});
    port = Number(new URL((await startApi(postgres.href)).url).port);
    expect(await client).toMatchObject({ success: true });
    const archived = await archivedOf(db, sourceId);
    const names = archived.map(({ name }) => Number(name)).toSorted((one, other) => one - other);
    expect(names).toEqual(events.map((_, n) => n));
  },
);

test.for([
  { sdk: segmentPython, name: segmentPython.name, module: 'segment.analytics' },
  { sdk: customerIoPython, name: customerIoPython.name, module: 'customerio.analytics' },
])(
  '$name writes NaN, which is no JSON: that event is kept apart, the others of its batch arrive',
  { timeout: 400_000 },
  async ({ sdk, module }, { skip }) => {
    const installed = await sdk.ready(mkdtempSync(join(folder, 'sdk-')));
    if (isMissing(installed)) return skip(installed.missing);
    const api = await startApi(db.url);
    const { sourceId, writeKey } = await newKey(db);
    await installed.example(`
from ${module}.client import Client
client = Client("${writeKey}", host="${api.url}", upload_interval=1)
client.track("u", "before")
client.track("u", "odd", {"score": float("nan"), "most": float("inf")}, message_id="odd-1")
client.track("u", "after")
client.shutdown()`);
    expect((await archivedOf(db, sourceId)).map(({ name }) => name)).toEqual(['before', 'after']);
    const rejected = await api.call('GET', `/api/rejected?source=${sourceId}`);
    expect(rejected.body).toMatchObject({
      data: [
        {
          code: 'malformed_json',
          messageId: 'odd-1',
          retryObstacle: 'not_json',
          raw: expect.stringContaining('"score": NaN') as string,
        },
      ],
    });
  },
);
