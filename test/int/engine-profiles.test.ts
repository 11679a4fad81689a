import { afterAll, expect, onTestFinished, test } from 'vitest';
import { deliveriesOf } from '../../src/api/event-deliveries.ts';
import { sumCounts } from '../../src/core/counts.ts';
import { mergeSamples } from '../../src/core/samples.ts';
import { newCatalogEngine } from '../support/catalog-engine.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  bitsOf,
  connect,
  newEngine,
  newReplay,
  runOf,
  runToEnd,
  senderOf,
  type Engine,
} from '../support/engine.ts';
import { successOf } from '../support/contract/answers.ts';
import { openInternet } from '../support/internet.ts';

const db = await testDatabase();
// Mixpanel says of each event of a batch how it fared.
const imported = '{"code":200,"status":"OK","num_records_imported":1}';
const internet = await openInternet((request) =>
  request.url.includes('mixpanel') ? { status: 200, body: imported } : successOf(request),
);
afterAll(() => internet.close());

const hour = 3_600;
const day = 24 * hour;
const atAge = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();

/** What `GET /api/events/{id}` tells of an event and the destination. */
async function toldOf({ destinationId }: Pick<Engine, 'destinationId'>, position: number) {
  return (await deliveriesOf(db, position)).find((one) => one.destinationId === destinationId);
}

async function standingOf(engine: Pick<Engine, 'db'>, runId: string) {
  const { lanes } = await runOf(engine, runId);
  const { events, reasons } = sumCounts(lanes.map(({ counts }) => counts));
  return { events, reasons, samples: mergeSamples(lanes.map((lane) => lane.samples)) };
}

// By type: an action, the age that is still taken and one that is not, in seconds; negative: in the future.
test.each([
  ['actions-algolia-insights', 'productClickedEvents', 4 * day - hour, 4 * day + hour, 'older_than_taken'],
  ['actions-attentive', 'customEvents', 11 * hour, 13 * hour, 'older_than_taken'],
  ['actions-facebook-conversions-api', 'custom2', 7 * day - hour, 7 * day + hour, 'older_than_taken'],
  ['actions-google-analytics-4', 'customEvent', 3 * day - hour, 3 * day + hour, 'older_than_taken'],
  [
    'actions-google-campaign-manager-360',
    'conversionUpload',
    28 * day - hour,
    28 * day + hour,
    'older_than_taken',
  ],
  [
    'actions-google-enhanced-conversions',
    'uploadClickConversion',
    90 * day - hour,
    90 * day + hour,
    'older_than_taken',
  ],
  ['actions-reddit-conversions-api', 'standardEvent', 7 * day - hour, 7 * day + hour, 'older_than_taken'],
  ['actions-schematic', 'trackEvent', 34 * day - hour, 34 * day + hour, 'older_than_taken'],
  ['actions-snap-conversions', 'reportConversionEvent', 7 * day - hour, 7 * day + hour, 'older_than_taken'],
  ['actions-klaviyo', 'trackEvent', 26 * 365 * day, 27 * 365 * day + 30 * day, 'older_than_taken'],
  ['actions-klaviyo', 'trackEvent', -364 * day, -366 * day, 'later_than_taken'],
  ['actions-mixpanel', 'trackEvent', -50 * 60, -2 * hour, 'later_than_taken'],
])(
  'a replay to %s sends (%s) what is inside its limits alone, and says so of the rest',
  async (type, action, taken, left, reason) => {
    const engine = await newCatalogEngine(db, type, action);
    onTestFinished(() => engine.head.close());
    const [inside] = await append(engine, ['ada'], { timestamp: atAge(taken), live: false });
    const [outside] = await append(engine, ['bob'], { timestamp: atAge(left), live: false });
    const run = await newReplay(engine as Engine);
    const ended = await runToEnd(engine as Engine, run);
    expect(ended.endedAs).not.toBeNull();
    const { events, reasons, samples } = await standingOf(engine, run);
    expect(events.tooOld).toBe(1);
    expect(reasons).toEqual({ [reason]: 1 });
    expect(samples[reason]).toEqual([{ position: outside!.position }]);
    expect(Object.values(events).reduce((sum, count) => sum + count, 0)).toBe(ended.selected);
    expect(await bitsOf(engine, run, engine.actions[0]!)).not.toContain(outside!.position);
    expect(await toldOf(engine, outside!.position)).toMatchObject({ status: 'tooOld', reason, runs: [] });
    expect(await toldOf(engine, inside!.position)).not.toMatchObject({ status: 'tooOld' });
  },
);

test('a stream sends events of any age, also where a replay would not', async () => {
  const engine = (await newCatalogEngine(db, 'actions-google-analytics-4', 'customEvent')) as Engine;
  onTestFinished(() => engine.head.close());
  const stream = await connect(engine);
  await append(engine, ['ada'], { timestamp: atAge(30 * day) });
  await runToEnd(engine, stream);
  expect((await standingOf(engine, stream)).events).toEqual({ unconfirmable: 1 });
});

test('a replay counts what Google Analytics took as unconfirmable, and the next one leaves it out', async () => {
  const engine = (await newCatalogEngine(db, 'actions-google-analytics-4', 'customEvent')) as Engine;
  onTestFinished(() => engine.head.close());
  await append(engine, ['ada', 'bob'], { live: false });
  const first = await newReplay(engine);
  await runToEnd(engine, first);
  expect((await standingOf(engine, first)).events).toEqual({ unconfirmable: 2 });
  const second = await newReplay(engine);
  await runToEnd(engine, second);
  expect((await standingOf(engine, second)).events).toEqual({ alreadyDelivered: 2 });
});

test('what grows too old while it waits for its turn is not sent, and the counts add up', async () => {
  const engine = await newEngine(db);
  const young = await append(engine, ['ada'], { timestamp: atAge(0) });
  await append(engine, ['bob'], { timestamp: atAge(58) });
  const run = await newReplay(engine, { pace: { eventsPerSecond: 0.25 } });
  const opened = await senderOf(engine);
  onTestFinished(() => opened.close());
  const sender = Object.assign(opened, { takes: { maxAgeMs: 60_000 } });
  await runToEnd(engine, run, { sender });
  expect(engine.sink.arrivals.map(({ userId }) => userId)).toEqual(['ada']);
  const { events, reasons } = await standingOf(engine, run);
  expect(events).toEqual({ delivered: 1, tooOld: 1 });
  expect(reasons).toEqual({ older_than_taken: 1 });
  expect(await bitsOf(engine, run, engine.actions[0]!)).toEqual([young[0]!.position]);
});
