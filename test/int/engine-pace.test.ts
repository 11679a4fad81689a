import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { takeAllowance } from '../../src/db/budget.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import { append, newEngine, newReplay, runSlice, turns } from '../support/engine.ts';

const db = await testDatabase();

/** Takes a stretch and says where it lies on this process's clock. */
async function taken(scope: string, lengthMs: number, takers: number) {
  const before = performance.now();
  const { startsInMs, ...stretch } = await takeAllowance(db, scope, lengthMs, takers);
  const after = performance.now();
  return { ...stretch, startsInMs, earliest: before + startsInMs, latest: after + startsInMs };
}

test('stretches follow each other without overlap, for takers side by side too', async () => {
  for (const takers of [1, 4, 64]) {
    const scope = `run/${crypto.randomUUID()}`;
    const stretches = await Promise.all(Array.from({ length: takers * 2 }, () => taken(scope, 250, takers)));
    stretches.sort((left, right) => left.earliest - right.earliest);
    stretches.forEach((stretch, index) => {
      // The n-th begins when the n before it are over, within what the answers took.
      expect(stretch.latest, `${takers} takers, ${index}`).toBeGreaterThanOrEqual(
        stretches[0]!.earliest + index * 250,
      );
    });
  }
});

test('the stretches of a slow pace are long, and those of all takers still follow each other', async () => {
  const scope = `run/${crypto.randomUUID()}`;
  const starts = [];
  for (let taker = 0; taker < 6; taker++) starts.push((await taken(scope, 20_000, 3)).startsInMs);
  for (const [index, startsInMs] of starts.entries()) {
    expect(startsInMs).toBeLessThanOrEqual(index * 20_000);
    expect(startsInMs).toBeGreaterThan(index * 20_000 - 5_000);
  }
});

test('time that nobody took is lost, and a time too far ahead is reset', async () => {
  const scope = `run/${crypto.randomUUID()}`;
  await taken(scope, 250, 1);
  await db.run(sql`update budget set next_at = now() - interval '1 hour' where scope = ${scope}`);
  expect((await taken(scope, 250, 1)).startsInMs).toBe(0);
  expect((await taken(scope, 250, 1)).startsInMs).toBeGreaterThan(200); // nothing was saved up
  await db.run(sql`update budget set next_at = now() + interval '1 hour' where scope = ${scope}`);
  expect((await taken(scope, 250, 1)).startsInMs).toBe(0);
});

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
