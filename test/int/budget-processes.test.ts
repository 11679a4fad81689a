import { expect, test } from 'vitest';
import { most } from '../support/budget-simulation.ts';
import { setBudget } from '../support/budget-workers.ts';
import { testDatabase } from '../support/database.ts';
import { append, countsOf, newEngine, newReplay, secretKey, turns, type Engine } from '../support/engine.ts';
import { startProcess } from '../support/processes.ts';

const db = await testDatabase();
const entry = new URL('../support/slice-process.ts', import.meta.url);
const lanes = 4;

/** Starts a worker process on some lanes of a run. */
function work(runId: string, ...lane: number[]) {
  return startProcess(entry, { KEY: secretKey }, { args: [db.url, runId, lane.join(',')] });
}

async function newScene(budget: Record<string, number>, events = 4_000) {
  const engine = await newEngine(db, { budget, settings: { concurrency: 8 } });
  await append(engine, turns(events, 400));
  return { engine, run: await newReplay(engine, { pace: { lanes } }) };
}

const since = ({ sink }: Engine, from: number) =>
  sink.arrivals.map(({ at }) => at).filter((at) => at >= from);

test(
  'four processes keep a budget while it changes and one of them is killed',
  { timeout: 90_000 },
  async () => {
    const events = 6_000; // 200/s, 1,000/s, 50/s and 200/s for some four seconds each leave a few hundred
    const { engine, run } = await newScene({ eventsPerSecond: 200 }, events);
    const processes = [0, 1, 2, 3].map((lane) => work(run, lane));
    await engine.sink.arrived(1);
    for (const eventsPerSecond of [200, 1_000, 50, 200]) {
      await setBudget(engine, { eventsPerSecond });
      const settled = performance.now() + 1_000;
      await engine.sink.arrivedFrom(settled + 500);
      if (eventsPerSecond === 50) {
        processes[1]!.process.kill('SIGKILL');
        processes.push(work(run, 1));
      }
      await engine.sink.arrivedFrom(settled + 2_500);
      const within = since(engine, settled);
      expect(most(within), `${eventsPerSecond}/s`).toBeLessThanOrEqual(eventsPerSecond * 1.1);
    }
    await setBudget(engine, {});
    await Promise.all(processes.filter(({ process }) => !process.killed).map(({ exited }) => exited));
    expect(await countsOf(engine, run)).toEqual({ delivered: events });
  },
);

test('no process sends inside the window that one of them was told of', { timeout: 60_000 }, async () => {
  const { engine, run } = await newScene({});
  let closedAt = Infinity;
  engine.sink.answer = () => {
    if (closedAt < Infinity || engine.sink.arrivals.length < 500) return { status: 200, afterMs: 5 };
    closedAt = performance.now();
    return { status: 429, retryAfter: 3 };
  };
  for (const lane of [0, 1, 2, 3]) work(run, lane);
  await expect.poll(() => closedAt, { timeout: 20_000 }).toBeLessThan(Infinity);
  const opensAt = closedAt + 3_000;
  await expect.poll(() => since(engine, opensAt).length, { timeout: 15_000 }).toBeGreaterThan(20);
  const news = 600; // what has started before the news came was in flight; milliseconds
  expect(since(engine, closedAt + news).filter((at) => at < opensAt)).toEqual([]);
});

test(
  'four processes never have more requests under way than the account bears',
  { timeout: 60_000 },
  async () => {
    const { engine, run } = await newScene({ maxConcurrent: 6 });
    engine.sink.answer = () => ({ status: 200, afterMs: 5 + Math.random() * 20 });
    const processes = [0, 1, 2, 3].map((lane) => work(run, lane));
    await engine.sink.arrived(300);
    processes[2]!.process.kill('SIGKILL');
    work(run, 2);
    const before = engine.sink.arrivals.length;
    await engine.sink.arrived(before + 100);
    expect(engine.sink.mostOpen).toBeLessThanOrEqual(6);
    expect(engine.sink.mostOpen).toBeGreaterThan(2);
  },
);
