import { expect, onTestFinished, test, vi } from 'vitest';
import { noCounts } from '../../src/core/counts.ts';
import { testDatabase } from '../support/database.ts';
import { append, newEngine, newReplay, runOf, runSlice, turns } from '../support/engine.ts';
import { newGate, watchedDatabase } from '../support/engine-faults.ts';

const db = await testDatabase();

test('sending goes on while a commit is under way, and no second commit begins before its end', async () => {
  const engine = await newEngine(db, { settings: { concurrency: 4 } });
  await append(engine, turns(400, 100));
  engine.sink.answer = () => ({ status: 200, afterMs: 10 });
  const run = await newReplay(engine);
  const gate = newGate();
  onTestFinished(() => gate.open());
  let [underWay, most] = [0, 0];
  const slow = watchedDatabase(db, async ({ at }) => {
    if (at === 'begin') most = Math.max(most, ++underWay);
    if (at === 'committed') underWay--;
    if (at === 'commit') await gate.pass();
  });
  const working = runSlice(engine, run, { db: slow });
  await engine.sink.arrived(20);
  gate.close();
  await engine.sink.arrived(200);
  gate.open();
  expect(await working).toEqual({ kind: 'done' });
  expect(most).toBe(1);
  expect(engine.sink.arrivals).toHaveLength(400);
});

test('a lane on which nothing is settled is committed again and again', async () => {
  const engine = await newEngine(db);
  await append(engine, ['u']);
  const answered = Promise.withResolvers<void>();
  engine.sink.answer = () => ({ status: 200, after: answered.promise });
  const run = await newReplay(engine);
  let commits = 0;
  const counting = watchedDatabase(db, ({ at }) => void (at === 'committed' && commits++));
  const working = runSlice(engine, run, { db: counting });
  await engine.sink.arrived(1);
  const before = commits;
  await vi.waitFor(() => expect(commits).toBeGreaterThanOrEqual(before + 3), { timeout: 8_000 });
  expect((await runOf(engine, run)).lanes[0]).toMatchObject({ leaseLive: true, counts: noCounts });
  answered.resolve();
  expect(await working).toEqual({ kind: 'done' });
});
