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
  turns,
  type Engine,
} from '../support/engine.ts';

const db = await testDatabase();

/** Three events that are for everyone, two that name nobody, one that excludes the destination and one that wants only it. */
async function appendMixed(engine: Engine) {
  await append(engine, turns(3));
  await append(engine, ['none', 'none'], { integrations: { All: false } });
  await append(engine, ['not-sink'], { integrations: { Sink: false } });
  await append(engine, ['only-sink'], { integrations: { All: false, Sink: true } });
}

const usersOf = (engine: Engine) => engine.sink.arrivals.map(({ userId }) => userId).toSorted();
async function countsAndReasonsOf(engine: Engine, runId: string) {
  const { events, reasons } = sumCounts((await runOf(engine, runId)).lanes.map(({ counts }) => counts));
  return { events, reasons };
}

const meant = ['only-sink', 'u0', 'u1', 'u2'];
const others = ['none', 'none', 'not-sink'];

test('a stream and a replay keep away what is not meant for the destination, and count it with its reason', async () => {
  const engine = await newEngine(db);
  const stream = await connect(engine);
  await appendMixed(engine);
  await runToEnd(engine, stream);
  expect(usersOf(engine)).toEqual(meant);
  const expected = { events: { delivered: 4, filtered: 3 }, reasons: { integrations: 3 } };
  expect(await countsAndReasonsOf(engine, stream)).toEqual(expected);

  const other = await newEngine(db);
  await appendMixed(other);
  const replay = await newReplay(other);
  await runToEnd(other, replay);
  expect(usersOf(other)).toEqual(meant);
  expect(await countsAndReasonsOf(other, replay)).toEqual(expected);
});

test('a replay that ignores it sends what is missing because of it, and nothing else', async () => {
  const engine = await newEngine(db);
  await appendMixed(engine);
  await runToEnd(engine, await newReplay(engine));
  engine.sink.arrivals.length = 0;
  const all = await newReplay(engine, { integrations: 'ignore' });
  await runToEnd(engine, all);
  expect(usersOf(engine)).toEqual(others);
  expect(await countsAndReasonsOf(engine, all)).toEqual({
    events: { delivered: 3, alreadyDelivered: 4 },
    reasons: {},
  });
});

test('what was given up on is retried whatever it says', async () => {
  const engine = await newEngine(db);
  await appendMixed(engine);
  engine.sink.answer = ({ userId }) => (userId === 'not-sink' ? 400 : 200);
  await runToEnd(engine, await newReplay(engine, { integrations: 'ignore' }));
  engine.sink.answer = () => 200;
  engine.sink.arrivals.length = 0;
  await runToEnd(engine, await newReplay(engine, { mode: 'failed' }));
  expect(usersOf(engine)).toEqual(['not-sink']);
});
