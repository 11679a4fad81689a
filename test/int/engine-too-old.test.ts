import { expect, test } from 'vitest';
import { sumCounts } from '../../src/core/counts.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  connect,
  newEngine,
  newReplay,
  runOf,
  runToEnd,
  senderOf,
  type Engine,
} from '../support/engine.ts';

const db = await testDatabase();
const day = 86_400_000;
const ago = (days: number) => ({ timestamp: new Date(Date.now() - days * day).toISOString() });

/** Its destination takes events of seven days. */
async function withRule(engine: Engine) {
  const sender = await senderOf(engine);
  return {
    sender: {
      ...sender,
      batchSize: sender.batchSize,
      concurrency: sender.concurrency,
      send: sender.send.bind(sender),
      close: () => sender.close(),
      takes: { maxAgeMs: 7 * day },
    },
  };
}

async function appendAges(engine: Engine) {
  await append(engine, ['old', 'older'], ago(30));
  await append(engine, ['young'], ago(6));
  await append(engine, ['old-too'], ago(8));
}

const usersOf = (engine: Engine) => engine.sink.arrivals.map(({ userId }) => userId).toSorted();

test('a replay does not send what is older than its destination takes, and counts it as too old, with samples', async () => {
  const engine = await newEngine(db);
  await appendAges(engine);
  const run = await newReplay(engine);
  const { lanes } = await runToEnd(engine, run, await withRule(engine));
  expect(usersOf(engine)).toEqual(['young']);
  const { events, reasons } = sumCounts(lanes.map(({ counts }) => counts));
  expect({ events, reasons }).toEqual({
    events: { delivered: 1, tooOld: 3 },
    reasons: { older_than_taken: 3 },
  });
  expect(lanes[0]!.samples['older_than_taken']).toHaveLength(3);

  // They are missing still: a destination that takes them later gets them.
  const again = await newReplay(engine);
  await runToEnd(engine, again);
  expect(usersOf(engine)).toEqual(['old', 'old-too', 'older', 'young']);
  const second = sumCounts((await runOf(engine, again)).lanes.map(({ counts }) => counts));
  expect(second.events).toEqual({ delivered: 3, alreadyDelivered: 1 });
});

test('a stream sends what comes in, whatever it says of its time', async () => {
  const engine = await newEngine(db);
  const stream = await connect(engine);
  await appendAges(engine);
  await runToEnd(engine, stream, await withRule(engine));
  expect(usersOf(engine)).toEqual(['old', 'old-too', 'older', 'young']);
});
