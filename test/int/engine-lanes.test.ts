import { expect, test, vi } from 'vitest';
import { bucketCount } from '../../src/core/event.ts';
import { endRunIfDue } from '../../src/db/run-end.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  bitsOf,
  countsOf,
  newEngine,
  newReplay,
  runSlice,
  runToEnd,
  turns,
  type Engine,
  type Sent,
} from '../support/engine.ts';
import { newVictim } from '../support/engine-faults.ts';

const db = await testDatabase({ maxConnections: 30 });

function expectOrder(engine: Engine, sent: readonly Sent[]): void {
  const arrived = engine.sink.arrivals.map(({ messageId }) => messageId);
  const place = new Map(arrived.map((messageId, index) => [messageId, index]));
  const last = new Map<string, number>();
  for (const { userId, messageId } of sent) {
    expect(place.get(messageId)).toBeGreaterThan(last.get(userId) ?? -1);
    last.set(userId, place.get(messageId)!);
  }
}

test.each([1, 2, 3, 4, 7, 64])('%i lanes divide all users among them: no gap, no overlap', async (lanes) => {
  const engine = await newEngine(db);
  const run = await newReplay(engine, { pace: { lanes } });
  const ranges = await db.rows<{ from: number; to: number }>(sql`
    select bucket_from as from, bucket_to as to from lane where run_id = ${run} order by lane`);
  expect(ranges).toHaveLength(lanes);
  expect(
    ranges.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, index) => from + index)),
  ).toEqual(Array.from({ length: bucketCount }, (_, bucket) => bucket));
  const sizes = ranges.map(({ from, to }) => to - from + 1);
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
});

test('four lanes side by side send each event once, in each user’s order, and lose no bit of the rows they share', async () => {
  const engine = await newEngine(db, { actions: 2, settings: { concurrency: 4 } });
  const sent = await append(engine, turns(1_200, 120));
  engine.sink.answer = () => ({ status: 200, afterMs: Math.random() * 4 });
  const run = await newReplay(engine, { pace: { lanes: 4 } });
  const ended = await runToEnd(engine, run);
  expect(ended.endedAs).toBe('completed');
  expect([...engine.sink.taken().values()]).toEqual(Array.from({ length: 1_200 }, () => 2));
  expect(ended.lanes).toHaveLength(4);
  const delivered = ended.lanes.map(({ counts }) => counts.events.delivered ?? 0);
  expect(delivered.reduce((sum, count) => sum + count)).toBe(1_200);
  expect(Math.min(...delivered)).toBeGreaterThan(0);
  expect(ended.lanes.map(({ mark }) => mark)).toEqual(Array.from({ length: 4 }, () => ended.toPosition));
  for (const action of engine.actions)
    expect(await bitsOf(engine, run, action)).toEqual(sent.map(({ position }) => position));
  expectOrder(engine, sent);
});

test('a replay ends with its last lane, not before', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(100, 50));
  const run = await newReplay(engine, { pace: { lanes: 3 } });
  for (const lane of [0, 1, 2]) {
    expect((await db.transaction((tx) => endRunIfDue(tx, run)))!.endedAt).toBeNull();
    expect(await runSlice(engine, run, { lane })).toEqual({ kind: 'done' });
  }
  expect((await db.transaction((tx) => endRunIfDue(tx, run)))!.endedAs).toBe('completed');
});

test('a lane whose worker is killed is taken over while the others go on', async () => {
  const engine = await newEngine(db, { settings: { concurrency: 2 } });
  await append(engine, turns(600, 100));
  engine.sink.answer = () => ({ status: 200, afterMs: 10 });
  const run = await newReplay(engine, { pace: { lanes: 3 } });
  const victim = await newVictim(engine);
  const killed = expect(runSlice(engine, run, { ...victim, lane: 1 })).rejects.toThrow('killed');
  const others = Promise.all([0, 2].map((lane) => runSlice(engine, run, { lane })));
  await engine.sink.arrived(150);
  victim.kill();
  await killed;
  expect(await runSlice(engine, run, { lane: 1, takesOver: true })).toEqual({ kind: 'done' });
  expect(await others).toEqual([{ kind: 'done' }, { kind: 'done' }]);
  expect(await countsOf(engine, run)).toEqual({ delivered: 600 });
  expect(engine.sink.taken().size).toBe(600);
  const repeated = [...engine.sink.taken()].filter(([, times]) => times > 1).map(([messageId]) => messageId);
  const lanes = await db.rows<{ lane: number }>(sql`
    select distinct l.lane from event e join lane l on l.run_id = ${run} and e.bucket between l.bucket_from and l.bucket_to
    where e.message_id = any(${repeated}::text[]) and e.source_id = ${engine.source}`);
  expect(lanes.filter(({ lane }) => lane !== 1)).toEqual([]);
  expect((await db.transaction((tx) => endRunIfDue(tx, run)))!.endedAs).toBe('completed');
});

test('the requests that a replay may have at once are shared out over its lanes', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(300, 100));
  engine.sink.answer = () => ({ status: 200, afterMs: 10 });
  const run = await newReplay(engine, { pace: { lanes: 2, maxConcurrent: 6 } });
  const working = runToEnd(engine, run);
  await vi.waitFor(() => expect(engine.sink.open).toBe(6), { timeout: 5_000, interval: 1 });
  await working;
  expect(engine.sink.mostOpen).toBe(6);
});
