import { expect, test } from 'vitest';
import { setReplayPace } from '../../src/db/replays.ts';
import { sql } from '../../src/db/sql.ts';
import { most } from '../support/budget-simulation.ts';
import { newWorker, setBudget, workOn } from '../support/budget-workers.ts';
import { testDatabase } from '../support/database.ts';
import { watchedDatabase } from '../support/engine-faults.ts';
import { append, connect, newEngine, newReplay, runToEnd, turns, type Engine } from '../support/engine.ts';

const db = await testDatabase();

const arrivals = ({ sink }: Engine, from = 0, to = Infinity) =>
  sink.arrivals.map(({ at }) => at).filter((at) => at >= from && at < to);

test.each([1, 4])('a budget is kept over %i workers, and its changes while they run', async (count) => {
  const engine = await newEngine(db, { budget: { eventsPerSecond: 50 }, settings: { concurrency: 16 } });
  await append(engine, turns(6_000, 400));
  const run = await newReplay(engine, { pace: { lanes: 4 } });
  const workers = Array.from({ length: count }, () => newWorker(db));
  const work = workOn(engine, run, 4, workers);
  await engine.sink.arrived(1);
  for (const eventsPerSecond of [50, 200, 1_000, 50]) {
    await setBudget(engine, { eventsPerSecond });
    const settled = performance.now() + 1_000;
    // Rates are what is tested: they are counted over a stretch of time, behind the second that a change may take.
    await engine.sink.arrivedFrom(settled + 2_000);
    const within = arrivals(engine, settled);
    expect(most(within), `${eventsPerSecond}/s`).toBeLessThanOrEqual(eventsPerSecond * 1.1);
    expect(within.length, `${eventsPerSecond}/s`).toBeGreaterThan(20); // it ran
  }
  await work.stop();
});

test('requests are limited where they are, and stay full', async () => {
  const engine = await newEngine(db, { budget: { requestsPerSecond: 20 }, settings: { batchSize: 50 } });
  await append(engine, turns(8_000, 2_000));
  const run = await newReplay(engine, { pace: { lanes: 2 } });
  const work = workOn(engine, run, 2, [newWorker(db), newWorker(db)]);
  await engine.sink.arrived(1);
  // A rate is what is tested: it is counted over a stretch of time.
  await engine.sink.arrivedFrom(performance.now() + 3_000);
  await work.stop();
  const requests = [...new Map(engine.sink.arrivals.map(({ id, at }) => [id, at])).values()];
  expect(most(requests)).toBeLessThanOrEqual(22);
  expect(engine.sink.arrivals.length / requests.length).toBeGreaterThan(20);
});

test('a pace of the replay is kept beside the budget, and changes of it', async () => {
  const engine = await newEngine(db, { budget: { eventsPerSecond: 300 } });
  await append(engine, turns(3_000, 300));
  const run = await newReplay(engine, { pace: { lanes: 3, eventsPerSecond: 60 } });
  const work = workOn(engine, run, 3, [newWorker(db), newWorker(db)]);
  await engine.sink.arrived(1);
  for (const eventsPerSecond of [60, 500, 100]) {
    await setReplayPace(db, run, { eventsPerSecond });
    const settled = performance.now() + 1_000;
    // Rates are what is tested: they are counted over a stretch of time, behind the second that a change may take.
    await engine.sink.arrivedFrom(settled + 1_500);
    const within = arrivals(engine, settled);
    const limit = Math.min(eventsPerSecond, 300);
    expect(most(within), `${eventsPerSecond}/s`).toBeLessThanOrEqual(limit * 1.1);
    expect(within.length, `${eventsPerSecond}/s`).toBeGreaterThan(20);
  }
  await work.stop();
});

test('the stream goes first: what comes in arrives at once while a replay uses up the budget', async () => {
  const engine = await newEngine(db, { budget: { eventsPerSecond: 100 } });
  await append(engine, turns(3_000, 300), { live: false });
  const stream = await connect(engine);
  const run = await newReplay(engine, { pace: { lanes: 2 } });
  const replaying = workOn(engine, run, 2, [newWorker(db), newWorker(db)]);
  await engine.sink.arrived(100);
  const streaming = workOn(engine, stream, 1, [newWorker(db)]);
  const waits: number[] = [];
  for (let round = 0; round < 12; round++) {
    const at = performance.now();
    const [sent] = await append(engine, ['live']);
    await expect
      .poll(() => engine.sink.of([sent!.messageId])[0]?.at, { timeout: 5_000, interval: 5 })
      .toBeDefined();
    waits.push(engine.sink.of([sent!.messageId])[0]!.at - at);
    await engine.sink.arrived(engine.sink.arrivals.length + 10); // the replay's: it goes on all the while
  }
  await Promise.all([replaying.stop(), streaming.stop()]);
  expect(most(arrivals(engine))).toBeLessThanOrEqual(110);
  // Behind all that the replay has to send it would wait for half a minute.
  expect(waits.toSorted((a, b) => a - b)[6]).toBeLessThan(3_000);
});

test('where nothing is limited there is no row, and no question is asked', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(200, 50));
  const asked: string[] = [];
  const watched = watchedDatabase(db, ({ at, text }) => {
    if (at === 'before') asked.push(text);
  });
  await runToEnd(engine, await newReplay(engine), { db: watched });
  expect(engine.sink.arrivals).toHaveLength(200);
  // Taking and committing read along whether somebody has made a row.
  expect(asked.filter((text) => /\bbudget\b/.test(text) && !text.includes('lane l'))).toEqual([]);
  expect(await db.rows(sql`select scope from budget where scope like ${`%${engine.destinationId}`}`)).toEqual(
    [],
  );
});
