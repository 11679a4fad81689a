import { expect, test, vi } from 'vitest';
import { setReplayPace } from '../../src/db/replays.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  countsOf,
  newEngine,
  newReplay,
  runOf,
  runSlice,
  runToEnd,
  turns,
} from '../support/engine.ts';

const db = await testDatabase();

test('the rate after a stop is that of what is sent since, not of what is found settled above the mark', async () => {
  const engine = await newEngine(db, { settings: { concurrency: 20 } });
  const [first] = await append(engine, turns(2_000, 2_000));
  let answered = 0;
  engine.sink.answer = ({ messageId }) =>
    messageId === first!.messageId || ++answered > 1_900 ? 'never' : 200;
  const run = await newReplay(engine);
  const stop = new AbortController();
  const working = runSlice(engine, run, { signal: stop.signal });
  const laneOf = async () => (await runOf(engine, run)).lanes[0]!;
  await vi.waitFor(() => expect(answered).toBeGreaterThan(1_900), { timeout: 15_000, interval: 5 });
  await vi.waitFor(async () => expect((await countsOf(engine, run)).delivered).toBe(1_900), {
    timeout: 15_000,
  });
  stop.abort();
  await working;
  const before = await laneOf();
  expect(before.rate).toBeGreaterThan(0);
  expect(before.mark).toBeLessThan(first!.position); // all of it lies above the mark

  await setReplayPace(db, run, { eventsPerSecond: 20 });
  engine.sink.answer = ({ messageId }) => (messageId === first!.messageId ? 'never' : 200);
  const going = new AbortController();
  const goingOn = runSlice(engine, run, { signal: going.signal });
  const rates: number[] = [];
  let delivered = 0;
  while (delivered < 1_940) {
    const lane = await laneOf();
    delivered = lane.counts.events.delivered ?? 0;
    // Until the first commit, the rate is the last holder's.
    if (lane.leaseLive && lane.rate !== before.rate) rates.push(lane.rate);
  }
  going.abort();
  await goingOn;
  expect(rates.length).toBeGreaterThan(0);
  expect(Math.max(...rates)).toBeGreaterThan(0);
  expect(Math.max(...rates)).toBeLessThan(200);
});

test('events that need not be sent count: they are as much settled as the others', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(200));
  await runToEnd(engine, await newReplay(engine));
  const again = await newReplay(engine);
  const { lanes } = await runToEnd(engine, again);
  expect(await countsOf(engine, again)).toEqual({ alreadyDelivered: 200 });
  expect(lanes[0]!.rate).toBeGreaterThan(0);
});
