import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { newWorker, workOn } from '../support/budget-workers.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  connect,
  countsOf,
  newEngine,
  newReplay,
  runSlice,
  turns,
  type Engine,
} from '../support/engine.ts';
import { statusOf } from '../support/engine-waiting.ts';

const db = await testDatabase();

/** How long the news of a 429 may take to the other workers; what they have started by then was in flight. */
const newsMs = 600;

/** Answers the n-th request to come in with 429. @returns when that was */
function throttleAt({ sink }: Engine, nth: number, retryAfter?: number): () => number {
  let closedAt = Infinity;
  let requests = 0;
  sink.answer = () => {
    if (++requests !== nth) return { status: 200, afterMs: 5 };
    closedAt = performance.now();
    return { status: 429, ...(retryAfter !== undefined && { retryAfter }) };
  };
  return () => closedAt;
}

const between = ({ sink }: Engine, from: number, to: number) =>
  sink.arrivals.filter(({ at }) => at >= from && at < to).length;

describe('a 429 with Retry-After', () => {
  test.each([{}, { eventsPerSecond: 400 }, { requestsPerSecond: 400, maxConcurrent: 20 }])(
    'is heard by stream and replay, on all lanes and workers: %o',
    async (budget) => {
      const engine = await newEngine(db, { budget, settings: { concurrency: 4 } });
      await append(engine, turns(4_000, 400), { live: false });
      const stream = await connect(engine);
      const run = await newReplay(engine, { pace: { lanes: 4 } });
      const closedAt = throttleAt(engine, 300, 3);
      const workers = [newWorker(db), newWorker(db), newWorker(db)];
      const replaying = workOn(engine, run, 4, workers);
      const streaming = workOn(engine, stream, 1, [newWorker(db)]);
      while (closedAt() === Infinity) {
        await append(engine, ['live']);
        // A trickle over a stretch of time, so that the stream sends when the account is closed.
        await delay(20);
      }
      await append(engine, turns(20, 20));
      const opensAt = closedAt() + 3_000;
      await expect.poll(() => between(engine, opensAt, Infinity), { timeout: 15_000 }).toBeGreaterThan(20);
      await Promise.all([replaying.stop(), streaming.stop()]);
      expect(between(engine, closedAt() - 1_000, closedAt())).toBeGreaterThan(5);
      expect(between(engine, closedAt() + newsMs, opensAt)).toBe(0);
    },
  );

  test('that is long holds every lane, with the reason, and frees its slot', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(2_000, 200));
    const run = await newReplay(engine, { pace: { lanes: 2 } });
    throttleAt(engine, 50, 60);
    const worker = newWorker(db);
    const ends = await Promise.all([
      runSlice(engine, run, { lane: 0 }),
      runSlice(engine, run, { lane: 1, db: worker }),
    ]);
    for (const end of ends) expect(end).toMatchObject({ kind: 'held' });
    const rows = await db.rows<{ state: string; reason: string }>(sql`
      select state, state_reason as reason from lane where run_id = ${run}`);
    for (const { state, reason } of rows) {
      expect(state).toBe('held');
      expect(reason).toMatch(/^throttled: /);
    }
    expect(await statusOf(engine, run)).toMatchObject({ status: 'running' });
    const before = engine.sink.arrivals.length;
    for (const lane of [0, 1]) expect(await runSlice(engine, run, { lane })).toMatchObject({ kind: 'held' });
    expect(engine.sink.arrivals).toHaveLength(before);
  });
});

test('a 429 teaches a rate that is kept in the row: less than before, and growing back', async () => {
  const engine = await newEngine(db, { settings: { concurrency: 8 } });
  await append(engine, turns(8_000, 400));
  const run = await newReplay(engine, { pace: { lanes: 2 } });
  const closedAt = throttleAt(engine, 400);
  const working = workOn(engine, run, 2, [newWorker(db), newWorker(db)]);
  await expect.poll(closedAt, { timeout: 15_000 }).toBeLessThan(Infinity);
  // A rate is what is tested: it is counted over a stretch of time that ends 2.5 s behind the refusal.
  await engine.sink.arrivedFrom(closedAt() + 2_500);
  await working.stop();
  const before = between(engine, closedAt() - 1_000, closedAt());
  const [row] = await db.rows<{ learnt: { requestsPerSecond: number; toldAt: number } }>(sql`
    select learnt from budget where scope = ${`destination/${engine.destinationId}`}`);
  const { requestsPerSecond, toldAt } = row!.learnt;
  expect(requestsPerSecond).toBeCloseTo(toldAt * 0.7, 5);
  expect(requestsPerSecond).toBeLessThan(before * 2);
  const after = between(engine, closedAt() + 1_500, closedAt() + 2_500);
  expect(after).toBeLessThanOrEqual(requestsPerSecond * 1.1 * 1.1);
  expect(after).toBeGreaterThan(0);
});

// Each refusal lowers the rate, on a slow machine to a few events a second.
test('what the destination could not take was not lost', { timeout: 120_000 }, async () => {
  const engine = await newEngine(db, { settings: { concurrency: 4 } });
  await append(engine, turns(600, 100));
  let requests = 0;
  engine.sink.answer = () => (++requests % 150 === 0 ? { status: 429, retryAfter: 0.2 } : 200);
  const run = await newReplay(engine, { pace: { lanes: 3 } });
  await workOn(engine, run, 3, [newWorker(db), newWorker(db)]).done;
  expect(await countsOf(engine, run)).toEqual({ delivered: 600 });
  expect(engine.sink.taken().size).toBe(600);
});
