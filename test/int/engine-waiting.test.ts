import { describe, expect, test, vi } from 'vitest';
import { sumCounts } from '../../src/core/counts.ts';
import { retryRounds } from '../../src/core/retry.ts';
import { setReplayDesired } from '../../src/db/replays.ts';
import { sql } from '../../src/db/sql.ts';
import type { Sender } from '../../src/destinations/definition.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  bitsOf,
  countsOf,
  newEngine,
  newReplay,
  runOf,
  runSlice,
  runToEnd,
  turns,
  type Engine,
  type Sent,
} from '../support/engine.ts';
import { newVictim } from '../support/engine-faults.ts';
import { comesDue, statusOf, waitingOf, workUntilWaiting } from '../support/engine-waiting.ts';

const db = await testDatabase();

const ids = (sent: readonly Sent[]) => sent.map(({ messageId }) => messageId);
const firstArrivals = (engine: Engine, sent: readonly Sent[]) =>
  engine.sink.of(ids(sent)).map(({ messageId }) => messageId);

describe('dead letters', () => {
  test('an event that is refused is given up on at once; its neighbours and its user’s next ones pass', async () => {
    const engine = await newEngine(db, { settings: { headers: { authorization: 'Bearer s3cret-token' } } });
    const sent = await append(engine, turns(60, 12));
    const poison = [sent[7]!, sent[30]!, sent[59]!];
    engine.sink.answer = ({ messageId }) => (ids(poison).includes(messageId) ? 400 : 200);
    const run = await newReplay(engine);
    const ended = await runToEnd(engine, run);
    expect(ended.endedAs).toBe('completed_with_failures');
    expect(await countsOf(engine, run)).toEqual({ delivered: 57, dead: 3 });
    expect(engine.sink.taken().size).toBe(57);
    const dead = await db.rows<{
      position: number;
      errorClass: string;
      attempts: number;
      failure: unknown;
    }>(sql`
      select position, error_class as "errorClass", attempts, failure from dead_letter where run_id = ${run}
      order by position`);
    expect(dead.map(({ position }) => position)).toEqual(poison.map(({ position }) => position));
    for (const row of dead) {
      expect(row).toMatchObject({ errorClass: 'http_400', attempts: 1, failure: { status: 400 } });
      expect(JSON.stringify(row)).not.toContain('s3cret-token');
    }
  });

  test('what was given up on has no bit: it is missing, and the next replay sends it and nothing else', async () => {
    const engine = await newEngine(db);
    const sent = await append(engine, turns(20, 5));
    engine.sink.answer = ({ messageId }) => (messageId === sent[3]!.messageId ? 422 : 200);
    const first = await newReplay(engine);
    await runToEnd(engine, first);
    expect(await bitsOf(engine, first, engine.actions[0]!)).not.toContain(sent[3]!.position);
    engine.sink.answer = () => 200;
    const before = engine.sink.arrivals.length;
    const second = await runToEnd(engine, await newReplay(engine));
    expect(second.endedAs).toBe('completed');
    expect(engine.sink.arrivals.slice(before).map(({ messageId }) => messageId)).toEqual([
      sent[3]!.messageId,
    ]);
    expect(await countsOf(engine, second.id)).toEqual({ delivered: 1, alreadyDelivered: 19 });
  });

  test('a few refused ones at the very end, with no success after them, are given up on too', async () => {
    const engine = await newEngine(db);
    await append(engine, ['a', 'b', 'c']);
    engine.sink.answer = () => 404;
    const run = await newReplay(engine);
    expect((await runToEnd(engine, run)).endedAs).toBe('completed_with_failures');
    expect(await countsOf(engine, run)).toEqual({ dead: 3 });
  });
});

/** Thirty events of six users, the first of `u1` failing; it has been set aside. */
async function newScene(request: Record<string, unknown> = {}) {
  const engine = await newEngine(db);
  const sent = await append(engine, turns(30, 6));
  const head = sent[1]!;
  const own = sent.filter(({ userId }) => userId === 'u1');
  const others = sent.filter(({ userId }) => userId !== 'u1');
  engine.sink.answer = ({ messageId }) => (messageId === head.messageId ? 500 : 200);
  const run = await newReplay(engine, request);
  const end = await workUntilWaiting(engine, run, 1);
  return { engine, sent, head, own, others, run, end };
}

describe('an event that keeps failing for a while', () => {
  test('waits, its user’s later ones behind it, all others pass, and the replay says how it stands', async () => {
    const { engine, sent, head, own, others, run, end } = await newScene();
    expect(end).toEqual({ kind: 'waiting', wakeInMs: expect.any(Number) });
    const { wakeInMs } = end as { wakeInMs: number };
    expect(wakeInMs).toBeGreaterThan(2_000);
    expect(wakeInMs).toBeLessThanOrEqual(15_000);
    expect(new Set(firstArrivals(engine, others))).toEqual(new Set(ids(others)));
    expect(new Set(firstArrivals(engine, own))).toEqual(new Set([head.messageId]));
    const rows = await waitingOf(engine, run);
    expect(rows.map(({ position }) => position)).toEqual(own.map(({ position }) => position));
    expect(rows.map(({ dueInMs }) => dueInMs !== null)).toEqual([true, false, false, false, false]);
    expect(rows[0]!.attempts).toBe(engine.sink.of([head.messageId]).length);
    expect(rows.slice(1).every(({ attempts }) => attempts === 0)).toBe(true);

    const replay = await runOf(engine, run);
    expect(await countsOf(engine, run)).toEqual({ delivered: 25, waiting: 5 });
    expect(replay.lanes[0]).toMatchObject({
      mark: sent.at(-1)!.position,
      state: 'waiting',
      leaseLive: false,
    });
    const status = await statusOf(engine, run);
    expect(status).toMatchObject({ status: 'running', statusReason: 'retrying' });
    expect(status.nextRetryAt!.getTime()).toBeGreaterThan(Date.now());
    // It never ends with waiting rows, and a slice before their time sends nothing.
    const before = engine.sink.arrivals.length;
    expect(await runSlice(engine, run)).toMatchObject({ kind: 'waiting' });
    expect(engine.sink.arrivals).toHaveLength(before);
    await db.run(sql`update lane set wake_at = null where run_id = ${run}`);
    expect((await runOf(engine, run)).endedAt).toBeNull();
  });

  test('goes out when it is due, then those behind it, in their order', async () => {
    const { engine, own, run } = await newScene();
    engine.sink.answer = () => ({ status: 200, afterMs: 5 });
    await comesDue(engine, run);
    const before = engine.sink.arrivals.length;
    const ended = await runToEnd(engine, run);
    expect(ended.endedAs).toBe('completed');
    expect(engine.sink.arrivals.slice(before).map(({ messageId }) => messageId)).toEqual(ids(own));
    expect(await countsOf(engine, run)).toEqual({ delivered: 30 });
    expect(await waitingOf(engine, run)).toEqual([]);
    expect(sumCounts(ended.lanes.map(({ counts }) => counts)).byAction).toEqual({
      [engine.actions[0]!]: { delivered: 30 },
    });
  });

  test('waits longer each time that it fails again, and nothing overtakes it', async () => {
    const { engine, own, head, run } = await newScene();
    await comesDue(engine, run);
    const [first] = await waitingOf(engine, run);
    expect(first).toMatchObject({ rounds: 1 });
    expect(await workUntilWaiting(engine, run, 1)).toMatchObject({ kind: 'waiting' });
    const rows = await waitingOf(engine, run);
    expect(rows[0]!.rounds).toBeGreaterThan(1);
    expect(rows[0]!.dueInMs).toBeGreaterThan(14_000);
    expect(rows.map(({ dueInMs }) => dueInMs !== null)).toEqual([true, false, false, false, false]);
    expect(new Set(firstArrivals(engine, own))).toEqual(new Set([head.messageId]));
    expect(await countsOf(engine, run)).toEqual({ delivered: 25, waiting: 5 });
  });

  test('is given up on after four hours of tries, and those behind it go on', async () => {
    const { engine, own, head, run } = await newScene();
    await comesDue(engine, run, { firstFailed: '9 hours' }); // as after a long pause
    expect(await workUntilWaiting(engine, run, 1)).toMatchObject({ kind: 'waiting' });
    await comesDue(engine, run, { firstFailed: '4 hours', rounds: retryRounds });
    const ended = await workUntilWaiting(engine, run, Infinity);
    expect(ended).toEqual({ kind: 'done' });
    expect(await countsOf(engine, run)).toEqual({ delivered: 29, dead: 1 });
    expect(firstArrivals(engine, own.slice(1))).toEqual(ids(own.slice(1)));
    const dead = await db.rows<{ position: number; age: number }>(sql`
      select position, extract(epoch from died_at - first_failed_at)::float8 as age from dead_letter
      where run_id = ${run}`);
    expect(dead).toEqual([{ position: head.position, age: expect.any(Number) }]);
    expect(dead[0]!.age).toBeGreaterThanOrEqual(4 * 3_600);
  });

  test('is missing again, with those behind it, when its replay is cancelled', async () => {
    const { engine, own, run } = await newScene();
    await setReplayDesired(db, run, 'cancelled');
    engine.sink.answer = () => 200;
    const before = engine.sink.arrivals.length;
    const next = await newReplay(engine); // ends the one before
    const cancelled = await runOf(engine, run);
    expect(cancelled.endedAs).toBe('cancelled');
    expect(await waitingOf(engine, run)).toEqual([]);
    expect(sumCounts(cancelled.lanes.map(({ counts }) => counts))).toEqual({
      events: { delivered: 25 },
      byAction: { [engine.actions[0]!]: { delivered: 25 } },
      reasons: {},
    });
    await runToEnd(engine, next);
    expect(engine.sink.arrivals.slice(before).map(({ messageId }) => messageId)).toEqual(ids(own));
    expect(await countsOf(engine, next)).toEqual({ delivered: 5, alreadyDelivered: 25 });
  });

  test('holds back everything in strict order, and nothing where no order is asked', async () => {
    const [strict, none] = await Promise.all([newScene({ order: 'strict' }), newScene({ order: 'none' })]);
    expect(await countsOf(strict.engine, strict.run)).toEqual({ delivered: 1, waiting: 29 });
    expect(await countsOf(none.engine, none.run)).toEqual({ delivered: 29, waiting: 1 });
    for (const { engine, run, sent } of [strict, none]) {
      engine.sink.answer = () => 200;
      await comesDue(engine, run);
      await runToEnd(engine, run);
      expect(await countsOf(engine, run)).toEqual({ delivered: 30 });
      if (engine === strict.engine)
        expect(
          engine.sink.arrivals.filter(({ status }) => status === 200).map(({ messageId }) => messageId),
        ).toEqual(ids(sent));
    }
  });
});

test('what is set aside while a commit is under way is woken for at its own time, not at that of older rows', async () => {
  const engine = await newEngine(db);
  const [first, second] = await append(engine, ['a', 'b']);
  const lastTry = Promise.withResolvers<void>();
  engine.sink.answer = ({ messageId, attempt }) =>
    messageId === second!.messageId && attempt > 1 ? { status: 500, after: lastTry.promise } : 500;
  const run = await newReplay(engine);
  let mayEnd = false;
  const worker = await newVictim(engine, async ({ at }) => {
    // What this commit writes has been gathered already.
    if (at !== 'begin' || !mayEnd) return;
    mayEnd = false;
    worker.skip(61_000);
    lastTry.resolve();
    await vi.waitFor(() => expect(sending).toBe(0), { interval: 5 }); // the lane has the answer
  });
  let sending = 0;
  const sender: Sender = {
    ...worker.sender,
    send: async (deliveries, gate) => {
      sending++;
      return await worker.sender.send(deliveries, gate).finally(() => sending--);
    },
  };
  const working = runSlice(engine, run, { ...worker, sender, timing: { sliceMs: 24 * 3_600_000 } });
  await engine.sink.arrived(2);
  await vi.waitFor(() => expect(engine.sink.open).toBe(0));
  worker.skip(61_000); // longer than a delivery is tried within a slice
  await vi.waitFor(async () => expect(await waitingOf(engine, run)).toHaveLength(1), { timeout: 5_000 });
  await db.run(sql`update waiting_delivery set due_at = now() + interval '30 min' where run_id = ${run}`);
  await engine.sink.arrived(4);
  mayEnd = true;
  const end = await working;
  expect(end).toEqual({ kind: 'waiting', wakeInMs: expect.any(Number) });
  expect((end as { wakeInMs: number }).wakeInMs).toBeLessThanOrEqual(15_000);
  expect((await waitingOf(engine, run)).map(({ position }) => position)).toEqual([
    first!.position,
    second!.position,
  ]);
});
