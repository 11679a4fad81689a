import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { append, newEngine, newReplay, runSlice, runToEnd, senderOf, turns } from '../support/engine.ts';

const db = await testDatabase();

/** Works a paced replay for a while. @returns when events came in, from when it had got going; milliseconds */
async function steadyTimes(
  perSecond: number,
  lanes: number,
  spanMs: number,
  batchSize = 1,
): Promise<number[]> {
  const warmUpMs = 1_500;
  const engine = await newEngine(db, { settings: { batchSize } });
  const count = Math.ceil((perSecond * (warmUpMs + spanMs + 2_000)) / 1_000);
  await append(engine, turns(count * 2, 100));
  const run = await newReplay(engine, { pace: { eventsPerSecond: perSecond, lanes } });
  const stop = new AbortController();
  const working = Promise.all(
    Array.from({ length: lanes }, (_, lane) => runSlice(engine, run, { lane, signal: stop.signal })),
  );
  await engine.sink.arrived(1);
  await delay(warmUpMs + spanMs);
  stop.abort();
  await working;
  const times = engine.sink.arrivals.map(({ at }) => at).sort((left, right) => left - right);
  const begin = times[0]! + warmUpMs;
  return times.filter((at) => at >= begin && at < begin + spanMs);
}

test('however many lanes share a pace, and whatever their requests carry, they send no more than it allows', async () => {
  const cases = [
    { perSecond: 100, lanes: 1, batchSize: 1 },
    { perSecond: 100, lanes: 3, batchSize: 1 },
    { perSecond: 100, lanes: 2, batchSize: 50 }, // no more than a tenth of a second in one request
    { perSecond: 5, lanes: 2, batchSize: 1 }, // a quarter of a second is no whole number of events
  ];
  const seconds = 4;
  const keeps = async ({ perSecond, lanes, batchSize }: (typeof cases)[number]) => {
    const times = await steadyTimes(perSecond, lanes, seconds * 1_000, batchSize);
    const request = Math.max(1, Math.min(batchSize, perSecond / 10));
    const within = (ms: number) =>
      times.map((at, index) => times.slice(index).filter((other) => other < at + ms).length);
    const what = `${lanes} lanes, ${perSecond} a second, ${batchSize} a request`;
    expect(Math.max(...within(1_000)), what).toBeLessThanOrEqual(perSecond * 1.1 + request);
    expect(times.length, what).toBeLessThanOrEqual(seconds * perSecond * 1.05 + request);
  };
  await Promise.all(cases.map(keeps));
});

test('several lanes together reach the pace that was asked', { retry: 2 }, async () => {
  const times = await steadyTimes(20, 2, 5_000);
  // A machine that is busy with other work holds up a process for longer than is made up for: its best stretch counts.
  const inTwoSeconds = times.map(
    (at, index) => times.slice(index).filter((other) => other < at + 2_000).length,
  );
  expect(Math.max(...inTwoSeconds)).toBeGreaterThanOrEqual(2 * 20 * 0.95);
});

test('a batch holds no more than a tenth of a second of the pace', async () => {
  const engine = await newEngine(db, { settings: { batchSize: 100 } });
  await append(engine, turns(60, 60));
  const run = await newReplay(engine, { pace: { eventsPerSecond: 100 } });
  await runSlice(engine, run);
  const sizes = new Map<string, number>();
  for (const { id } of engine.sink.arrivals) sizes.set(id, (sizes.get(id) ?? 0) + 1);
  expect(engine.sink.arrivals).toHaveLength(60);
  expect(Math.max(...sizes.values())).toBe(10);
});

test('the last few events of a paced replay leave like the others', async () => {
  const engine = await newEngine(db);
  // Users with many events in a row: towards the end only one event after another is ready.
  await append(
    engine,
    Array.from({ length: 240 }, (_, index) => `tail-${Math.floor(index / 60)}`),
  );
  const run = await newReplay(engine, { pace: { eventsPerSecond: 5_000 } });
  const ended = await runToEnd(engine, run, { timing: { sliceMs: 25_000 } });
  expect(ended.endedAs).toBe('completed');
});

test('a slow rate waits for its connections, which are made anew each time', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(3, 3));
  const inner = await senderOf(engine);
  const connecting: typeof inner = {
    ...inner,
    send: async (deliveries, gate) => {
      await delay(60);
      return await inner.send(deliveries, gate);
    },
  };
  const run = await newReplay(engine, { pace: { eventsPerSecond: 1 } });
  await runSlice(engine, run, { sender: connecting, timing: { sliceMs: 6_000 } });
  expect(engine.sink.taken().size).toBe(3);
});
