import { expect, test } from 'vitest';
import { setReplayPace } from '../../src/db/replays.ts';
import { newWorker, setBudget, workOn } from '../support/budget-workers.ts';
import { testDatabase } from '../support/database.ts';
import { append, connect, countsOf, newEngine, newReplay, runOf, turns } from '../support/engine.ts';
import { newVictim } from '../support/engine-faults.ts';
import { runSlice } from '../support/engine.ts';

const db = await testDatabase({ maxConnections: 30 });

test('the requests that an account bears at once are kept over stream, replay and workers, also when one dies', async () => {
  const engine = await newEngine(db, { budget: { maxConcurrent: 5 }, settings: { concurrency: 4 } });
  const sent = await append(engine, turns(1_500, 200), { live: false });
  const stream = await connect(engine);
  engine.sink.answer = () => ({ status: 200, afterMs: 15 });
  const run = await newReplay(engine, { pace: { lanes: 4 } });
  const workers = [newWorker(db), newWorker(db)];
  const victim = await newVictim(engine);
  const killed = expect(runSlice(engine, run, { ...victim, lane: 3 })).rejects.toThrow('killed');
  const replaying = workOn(engine, run, 3, workers);
  await engine.sink.arrived(100);
  const streaming = workOn(engine, stream, 1, [newWorker(db)]);
  for (let round = 0; round < 10; round++) {
    const live = (await append(engine, turns(10, 10))).map(({ messageId }) => messageId);
    await expect.poll(() => engine.sink.of(live).length, { timeout: 10_000 }).toBe(10);
    if (round === 3) victim.kill();
  }
  await killed;
  await replaying.done;
  expect(await runSlice(engine, run, { lane: 3, takesOver: true })).toEqual({ kind: 'done' });
  await streaming.stop();
  expect(engine.sink.mostOpen).toBeLessThanOrEqual(5);
  expect(engine.sink.mostOpen).toBeGreaterThan(2);
  expect(await countsOf(engine, run)).toEqual({ delivered: sent.length });
});

test('with one request at once stream and replay take turns, whatever their lanes', async () => {
  const engine = await newEngine(db, { budget: { maxConcurrent: 1 }, settings: { concurrency: 4 } });
  await append(engine, turns(150, 50), { live: false });
  const stream = await connect(engine);
  engine.sink.answer = () => ({ status: 200, afterMs: 5 });
  const run = await newReplay(engine, { pace: { lanes: 3 } });
  expect((await runOf(engine, run)).lanes).toHaveLength(1);
  const working = workOn(engine, run, 1, [newWorker(db)]);
  const streaming = workOn(engine, stream, 1, [newWorker(db)]);
  const live = await append(engine, turns(20, 10));
  await working.done;
  await expect
    .poll(() => engine.sink.of(live.map(({ messageId }) => messageId)).length, { timeout: 15_000 })
    .toBe(20);
  await streaming.stop();
  expect(engine.sink.mostOpen).toBe(1);
});

test('it may be changed while they run, to fewer than there are lanes too', async () => {
  const engine = await newEngine(db, { settings: { concurrency: 4 } });
  await append(engine, turns(1_500, 200));
  engine.sink.answer = () => ({ status: 200, afterMs: 20 });
  const run = await newReplay(engine, { pace: { lanes: 4 } });
  const working = workOn(engine, run, 4, [newWorker(db), newWorker(db)]);
  await engine.sink.arrived(100);
  expect(engine.sink.mostOpen).toBeGreaterThan(4);
  for (const maxConcurrent of [8, 2]) {
    await setBudget(engine, { maxConcurrent });
    // Stretches of time are what is tested: a change may take a second, and then it holds.
    await engine.sink.arrivedFrom(performance.now() + 1_000);
    engine.sink.mostOpen = 0;
    await engine.sink.arrivedFrom(performance.now() + 700);
    expect(engine.sink.mostOpen).toBeLessThanOrEqual(maxConcurrent);
    expect(engine.sink.mostOpen).toBeGreaterThan(0);
  }
  await setBudget(engine, {});
  await working.done;
  expect(await countsOf(engine, run)).toEqual({ delivered: 1_500 });
});

test('a replay has no more lanes than requests at once, and cannot get fewer of those later', async () => {
  const engine = await newEngine(db, { budget: { maxConcurrent: 6 } });
  const run = await newReplay(engine, { pace: { lanes: 8, maxConcurrent: 7 } });
  expect((await runOf(engine, run)).lanes).toHaveLength(5);
  expect(await setReplayPace(db, run, { maxConcurrent: 4 })).toEqual({
    kind: 'too_few_connections',
    lanes: 5,
  });
  expect((await runOf(engine, run)).maxConcurrent).toBe(7);
  expect(await setReplayPace(db, run, { maxConcurrent: 5 })).toMatchObject({ kind: 'changed' });
});
