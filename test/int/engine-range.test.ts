import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ReplayRange } from '../../src/core/replay-request.ts';
import { takeLane } from '../../src/db/lane-lease.ts';
import { countReplay } from '../../src/db/replay-count.ts';
import { setReplayRange } from '../../src/db/replays.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  bitsOf,
  connect,
  countsOf,
  newEngine,
  newReplay,
  runOf,
  runSlice,
  runToEnd,
  take,
  turns,
  type Engine,
  type Sent,
} from '../support/engine.ts';
import { watchedDatabase } from '../support/engine-faults.ts';
import { endWhatIsFree } from '../support/engine-hand-over.ts';
import { comesDue, waitingOf, workUntilWaiting } from '../support/engine-waiting.ts';

const db = await testDatabase({ maxConnections: 30 });

/** Asks for another range, and counts what it selects. */
async function change(run: string, range: ReplayRange) {
  const changed = await db.transaction((tx) => setReplayRange(tx, run, range));
  await countReplay(db, run, () => true);
  return changed.kind;
}

/** Positions of this test's own, whatever others have appended: `place(sent, 0)` is that of the first. */
const place = (sent: readonly Sent[], index: number) => sent.at(index)!.position;
const selectedOf = async (run: string) => {
  const { selected, selectedExact } = await runOf({ db }, run);
  return selectedExact ? selected : null;
};

describe('by positions', () => {
  const upTo = (sent: readonly Sent[], index: number) =>
    ({ by: 'position', from: place(sent, 0), to: place(sent, index) }) as const;

  test('a longer range goes on where the lanes stand, those that were done too', async () => {
    const engine = await newEngine(db);
    const sent = await append(engine, turns(40, 20));
    const run = await newReplay(engine, { range: upTo(sent, 9), pace: { lanes: 2 } });
    expect(await runSlice(engine, run, { lane: 0 })).toEqual({ kind: 'done' });
    expect(await change(run, upTo(sent, 29))).toBe('changed');
    expect((await runOf(engine, run)).lanes.map(({ state }) => state)).toEqual(['ready', 'ready']);
    expect(await runOf(engine, run)).toMatchObject({
      request: { range: upTo(sent, 29) },
      toPosition: place(sent, 29),
      changing: false,
    });
    expect(await selectedOf(run)).toBe(30);
    const ended = await runToEnd(engine, run);
    expect(ended.endedAs).toBe('completed');
    expect(await countsOf(engine, run)).toEqual({ delivered: 30 });
    expect([...engine.sink.taken().values()].every((times) => times === 1)).toBe(true);
    expect(engine.sink.taken().size).toBe(30);
  });

  test('a shorter one ends no earlier than what is settled, and what is selected is counted anew', async () => {
    const engine = await newEngine(db);
    const sent = await append(engine, ['slow', ...turns(19, 19)]);
    engine.sink.answer = ({ userId }) => (userId === 'slow' ? 'never' : 200);
    const run = await newReplay(engine, { range: upTo(sent, 19), pace: { eventsPerSecond: 20 } });
    const working = runSlice(engine, run, { timing: { drainMs: 200 } });
    await engine.sink.arrived(6);
    await change(run, upTo(sent, 2));
    expect(await working).toEqual({ kind: 'stopped' });
    await endWhatIsFree(engine);
    await countReplay(db, run, () => true);
    const { toPosition, request } = await runOf(engine, run);
    expect(request).toMatchObject({ range: { to: toPosition } }); // nobody can have less
    const settled = await bitsOf(engine, run, engine.actions[0]!);
    expect(settled.length).toBeGreaterThanOrEqual(3);
    expect(toPosition).toBe(settled.at(-1));
    engine.sink.answer = () => 200;
    await runToEnd(engine, run);
    expect(await selectedOf(run)).toBe(settled.length + 1);
    expect(await countsOf(engine, run)).toEqual({ delivered: settled.length + 1 });
    expect([...engine.sink.taken().values()].every((times) => times === 1)).toBe(true);
  });

  test('it waits for who is at work, and is cut where the stream has come', async () => {
    const engine = await newEngine(db);
    const sent = await append(engine, turns(10));
    const stream = await connect(engine);
    await append(engine, turns(3));
    const run = await newReplay(engine, { range: upTo(sent, 4) });
    engine.sink.answer = () => ({ status: 200, afterMs: 300 });
    const working = runSlice(engine, run);
    await engine.sink.arrived(1);
    await change(run, { by: 'position', from: place(sent, 0), to: 1_000_000 });
    expect(await runOf(engine, run)).toMatchObject({ changing: true, toPosition: place(sent, 4) });
    expect(['stopped', 'done']).toContain((await working).kind);
    expect(await runSlice(engine, run)).toMatchObject({ kind: 'unwanted', desired: 'paused' });
    await endWhatIsFree(engine);
    const { lanes, fromPosition } = await runOf(engine, stream);
    expect(lanes[0]!.mark).toBe(fromPosition - 1);
    expect(await runOf(engine, run)).toMatchObject({
      changing: false,
      toPosition: fromPosition - 1,
      cutToStream: true,
      desired: 'running',
    });
    await runToEnd(engine, run);
    expect(await countsOf(engine, run)).toEqual({ delivered: 10 });
  });

  test('what only waits goes on reading, and one that is over stays as it is', async () => {
    const engine = await newEngine(db);
    const sent = await append(engine, ['u1', 'u2', 'u3', 'u4']);
    engine.sink.answer = ({ userId }) => (userId === 'u1' ? 500 : 200);
    const run = await newReplay(engine, { range: upTo(sent, 1) });
    expect(await workUntilWaiting(engine, run, 1)).toMatchObject({ kind: 'waiting' });
    await change(run, upTo(sent, 3));
    expect((await runOf(engine, run)).lanes[0]).toMatchObject({ state: 'ready', wakeAt: null });
    expect(await runSlice(engine, run)).toMatchObject({ kind: 'waiting' });
    expect(await countsOf(engine, run)).toEqual({ delivered: 3, waiting: 1 });
    engine.sink.answer = () => 200;
    await comesDue(engine, run);
    await runToEnd(engine, run);
    expect(await countsOf(engine, run)).toEqual({ delivered: 4 });
    expect(await change(run, upTo(sent, 1))).toBe('ended');
  });
});

describe.each(['received', 'event'] as const)('by times (%s)', (by) => {
  const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
  const range = (to: number) => ({ by, from: at(0), to: at(to) });

  /** One event a minute, in an order of positions of its own: 0, 5, 1, 6, ... */
  async function newHistory(engine: Engine): Promise<Map<number, Sent>> {
    const sent = new Map<number, Sent>();
    for (const minute of [0, 5, 1, 6, 2, 7, 3, 8, 4, 9]) {
      const time = { receivedAt: new Date(at(minute)), timestamp: new Date(at(minute)) };
      sent.set(minute, (await append(engine, [`u${minute}`], time))[0]!);
    }
    return sent;
  }
  const minutes = (engine: Engine) =>
    engine.sink.arrivals.map(({ userId }) => Number(userId.slice(1))).toSorted((a, b) => a - b);

  test('a longer range takes also what the lanes have passed, and sends nothing twice', async () => {
    const engine = await newEngine(db);
    const sent = await newHistory(engine);
    engine.sink.answer = ({ userId }) => (userId === 'u1' ? 400 : userId === 'u2' ? 500 : 200);
    const run = await newReplay(engine, { range: range(5) });
    expect(await workUntilWaiting(engine, run, 1)).toMatchObject({ kind: 'waiting' });
    expect(await countsOf(engine, run)).toEqual({ delivered: 3, dead: 1, waiting: 1 });
    await change(run, range(8));
    expect(await selectedOf(run)).toBe(8);
    expect((await runOf(engine, run)).lanes[0]).toMatchObject({ state: 'ready' });
    engine.sink.answer = () => 200;
    await comesDue(engine, run);
    await runToEnd(engine, run);
    expect(await countsOf(engine, run)).toEqual({ delivered: 7, dead: 1 });
    expect(new Set(minutes(engine))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
    expect([...engine.sink.taken().values()].every((times) => times === 1)).toBe(true);
    expect(engine.sink.of([sent.get(1)!.messageId])).toHaveLength(1); // it was given up on, and is not tried again
  });

  test('a shorter one no longer counts what lies outside, and drops what waits there', async () => {
    const engine = await newEngine(db);
    await newHistory(engine);
    engine.sink.answer = ({ userId }) => (['u3', 'u7'].includes(userId) ? 500 : 200);
    const run = await newReplay(engine, { range: range(9) });
    expect(await workUntilWaiting(engine, run, 2)).toMatchObject({ kind: 'waiting' });
    await change(run, range(6));
    expect(await waitingOf(engine, run)).toHaveLength(1);
    expect(await selectedOf(run)).toBe(6);
    engine.sink.answer = () => 200;
    await comesDue(engine, run);
    await runToEnd(engine, run);
    expect(await countsOf(engine, run)).toEqual({ delivered: 6 });
    expect([...engine.sink.taken().keys()]).toHaveLength(8); // 6 and 8 had been delivered before, 7 never
    expect([...engine.sink.taken().values()].every((times) => times === 1)).toBe(true);
  });

  test('what no lane has passed yet needs no second reading', async () => {
    const engine = await newEngine(db);
    await newHistory(engine);
    const run = await newReplay(engine, { range: range(5) });
    await change(run, { by, from: at(0) });
    expect(await runOf(engine, run)).toMatchObject({ request: { range: { by, from: at(0) } } });
    expect(await selectedOf(run)).toBe(10);
    await runToEnd(engine, run);
    expect(await countsOf(engine, run)).toEqual({ delivered: 10 });
  });
});

test('a range that changes because of a jump of the wall clock leaves a lane to its holder until his lease is over', async () => {
  const engine = await newEngine(db);
  const sent = await append(engine, turns(4));
  const range = { by: 'position', from: place(sent, 0), to: place(sent, 1) } as const;
  const run = await newReplay(engine, { range });
  await take(db, run);
  await db.run(sql`update lane set lease_renewed_at = now() - interval '7 s' where run_id = ${run}`);
  await change(run, { ...range, to: place(sent, 3) });
  expect(await runOf(engine, run)).toMatchObject({ changing: false, toPosition: place(sent, 3) });
  const lane = { runId: run, lane: 0, token: randomUUID() };
  expect(await takeLane(db, { ...lane, stale: null })).toEqual({ kind: 'held', renewals: 1 });
  expect((await takeLane(db, { ...lane, stale: 1 })).kind).toBe('taken');
});

test('whether something was passed is looked for only where that is quick; else all is read again, and sent once', async () => {
  // A time of its own: nothing of other tests lies there.
  const at = (minute: number) => new Date(Date.UTC(2024, 0, 1, 0, minute)).toISOString();
  /** Works a replay to its end and makes it longer, by nothing. @returns whether it is to read again what it has read */
  const readsAgain = async (by: 'received' | 'event', unused: number) => {
    const engine = await newEngine(db);
    const time = { receivedAt: new Date(at(1)), timestamp: at(1) };
    await append(engine, turns(5), time);
    await db.rows(sql`select setval('event_position', nextval('event_position') + ${unused}::bigint)`);
    await append(engine, turns(5), time);
    const run = await newReplay(engine, { range: { by, from: at(0), to: at(3) } });
    await runSlice(engine, run);
    await change(run, { by, from: at(0), to: at(4) });
    const again = (await countsOf(engine, run)).delivered === undefined;
    if (again) await runToEnd(engine, run);
    expect(await countsOf(engine, run)).toEqual({ delivered: 10 });
    expect(engine.sink.arrivals).toHaveLength(10);
    return again;
  };
  expect(await readsAgain('received', 0)).toBe(false);
  expect(await readsAgain('event', 0)).toBe(true);
  expect(await readsAgain('received', 1_000_000)).toBe(true);
});

test('a count that was begun before the change adds nothing', async () => {
  const engine = await newEngine(db);
  const sent = await append(engine, turns(10));
  const run = await newReplay(engine, {
    range: { by: 'position', from: place(sent, 0), to: place(sent, 3) },
  });
  await db.run(sql`update run set selected = 0, counted_to = from_position - 1 where id = ${run}`);
  let changed = false;
  const late = watchedDatabase(db, async ({ at, text }) => {
    if (changed || at !== 'before' || !text.includes('set selected')) return;
    changed = true; // it has counted and is about to write that down
    await change(run, { by: 'position', from: place(sent, 0), to: place(sent, 1) });
    await db.run(sql`update run set selected = 0, counted_to = from_position - 1 where id = ${run}`);
  });
  await countReplay(late, run, () => true);
  expect(changed).toBe(true);
  expect(await selectedOf(run)).toBe(2);
});
