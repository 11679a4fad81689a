import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { takeLaneWhenFree } from '../../src/activities/take-lane.ts';
import { leaseMs } from '../../src/core/lease.ts';
import type { LaneCommit } from '../../src/core/lane-types.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { commitLane, LeaseLost } from '../../src/db/lane-commit.ts';
import { takeLane } from '../../src/db/lane-lease.ts';
import { setReplayDesired } from '../../src/db/replays.ts';
import { sql } from '../../src/db/sql.ts';
import type { Sender } from '../../src/destinations/definition.ts';
import { noCommit, noStanding } from '../support/commits.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  ask,
  countsOf,
  newEngine,
  newReplay,
  runOf,
  runSlice,
  runToEnd,
  senderOf,
  skippingClock,
  take,
  turns,
} from '../support/engine.ts';
import { newGate, watchedDatabase } from '../support/engine-faults.ts';

const db = await testDatabase();
const never = new AbortController().signal;

/** Somebody who wants a lane, on a clock that only the test moves, and who counts how often he has looked. */
function newTaker(runId: string, limitMs = 3_600_000) {
  const taker = { now: 0, looks: 0 };
  const watched = watchedDatabase(db, ({ at }) => void (taker.looks += at === 'committed' ? 1 : 0));
  const clock = { now: () => taker.now, signal: never, limitMs };
  let result: Awaited<ReturnType<typeof takeLaneWhenFree>> | undefined;
  const taking = takeLaneWhenFree(watched, { runId, lane: 0 }, clock).then((taken) => (result = taken));
  /** Resolves when he has looked twice more, or has got what he waits for. */
  const looksOn = async () => {
    const enough = taker.looks + 2;
    await vi.waitFor(() => expect(taker.looks >= enough || result !== undefined).toBe(true), {
      timeout: 5_000,
    });
    return result?.kind ?? 'waits';
  };
  return { taker, taking, looksOn };
}

describe('taking a lane', () => {
  test('one that is held is refused; one that was let go is free', async () => {
    const engine = await newEngine(db);
    const run = await newReplay(engine);
    const lane = await take(db, run);
    const again = { runId: run, lane: 0, token: crypto.randomUUID(), stale: null };
    expect(await takeLane(db, again)).toEqual({ kind: 'held', renewals: 1 });
    await commitLane(db, lane, noCommit(0), noStanding({ release: true }));
    expect((await takeLane(db, again)).kind).toBe('taken');
  });

  test('of many who take a free lane at once, one gets it', async () => {
    const engine = await newEngine(db);
    const run = await newReplay(engine);
    const tries = Array.from({ length: 10 }, () =>
      takeLane(db, { runId: run, lane: 0, token: crypto.randomUUID(), stale: null }),
    );
    const kinds = (await Promise.all(tries)).map(({ kind }) => kind).sort();
    expect(kinds).toEqual([...Array.from({ length: 9 }, () => 'held'), 'taken']);
  });

  test('one whose renewals stand still is taken after a lease’s length on the taker’s own clock', async () => {
    const engine = await newEngine(db);
    const run = await newReplay(engine);
    await take(db, run);
    const { taker, taking, looksOn } = newTaker(run);
    expect(await looksOn()).toBe('waits');
    taker.now = leaseMs - 1;
    expect(await looksOn()).toBe('waits');
    taker.now = leaseMs;
    // The new lease counts from here, not from when the waiting began.
    expect(await taking).toMatchObject({ kind: 'taken', begunAt: leaseMs });
  });

  test('a jump of the wall clock neither frees it early nor blocks it', async () => {
    const engine = await newEngine(db);
    const run = await newReplay(engine);
    await take(db, run);
    const { taker, taking, looksOn } = newTaker(run);
    await db.run(sql`update lane set lease_renewed_at = now() - interval '1 day' where run_id = ${run}`);
    expect(await looksOn()).toBe('waits');
    await db.run(sql`update lane set lease_renewed_at = now() + interval '1 day' where run_id = ${run}`);
    taker.now = leaseMs;
    expect((await taking)?.kind).toBe('taken');
  });

  test('one that is renewed meanwhile stays its holder’s, however long the taker waits', async () => {
    const engine = await newEngine(db);
    const run = await newReplay(engine);
    const lane = await take(db, run);
    const { taker, taking, looksOn } = newTaker(run, 20_000);
    for (const now of [4_000, 8_000, 12_000, 16_000]) {
      expect(await looksOn()).toBe('waits');
      await commitLane(db, lane, noCommit(0), noStanding());
      taker.now = now;
    }
    taker.now = 20_000;
    expect(await taking).toBeNull();
  });
});

describe('who has lost his lane', () => {
  test('changes nothing by a commit, and is told', async () => {
    const engine = await newEngine(db);
    const [action] = engine.actions;
    const [event] = await append(engine, ['u1']);
    const run = await newReplay(engine);
    const zombie = await take(db, run);
    const taken = await takeLane(db, { runId: run, lane: 0, token: crypto.randomUUID(), stale: 1 });
    if (taken.kind !== 'taken') throw new Error(taken.kind);
    const laneRow = async () => (await db.pool.query('select * from lane where run_id = $1', [run])).rows;
    const before = await laneRow();
    const failure = { errorClass: 'http_500', message: 'no' };
    const row = { position: event!.position, actionId: action!, attempts: 5, ageMs: 1, failure };
    const commit: LaneCommit = {
      ...noCommit(event!.position),
      counts: { events: { delivered: 1 }, byAction: {}, reasons: {} },
      bits: [{ actionId: action!, chunk: 0, bits: new Uint8Array(1_024).fill(255) }],
      waiting: [{ ...row, orderKey: 'u:u1', rounds: 1, dueInMs: 0, rest: null }],
      dead: [row],
    };
    await expect(
      commitLane(db, zombie, commit, noStanding({ release: true, state: 'done' })),
    ).rejects.toThrow(LeaseLost);
    expect(await laneRow()).toEqual(before);
    for (const table of ['coverage', 'waiting_delivery', 'dead_letter'])
      expect((await db.pool.query(`select 1 from ${table} where action_id = $1`, [action])).rowCount).toBe(0);
    await commitLane(db, taken.lane, noCommit(event!.position), noStanding({ release: true }));
    expect((await runOf(engine, run)).lanes[0]!.mark).toBe(event!.position);
  });

  test('is fenced as well when his run was cancelled and has ended meanwhile', async () => {
    const engine = await newEngine(db);
    const run = await newReplay(engine);
    const zombie = await take(db, run);
    await setReplayDesired(db, run, 'cancelled');
    await db.run(sql`update lane set lease_renewed_at = now() - interval '7 s' where run_id = ${run}`);
    await ask(engine); // ends it
    await expect(commitLane(db, zombie, noCommit(5), noStanding())).rejects.toThrow(LeaseLost);
  });
});

describe('a worker that was stopped and wakes up', () => {
  test('sends nothing more once its lease has run out, and what it sent is not lost', async () => {
    const engine = await newEngine(db);
    const sent = await append(engine, turns(300, 100));
    engine.sink.answer = () => ({ status: 200, afterMs: 10 });
    const run = await newReplay(engine);
    const [clock, gate] = [skippingClock(), newGate()];
    // Stopped between two commits: within one it would hold the lane's lock until Postgres ends its transaction.
    const stoppable = watchedDatabase(db, ({ at }) => (at === 'begin' ? gate.pass() : undefined));
    const stopped = runSlice(engine, run, { db: stoppable, now: clock.now });
    const lost = expect(stopped).rejects.toThrow(LeaseLost);
    await engine.sink.arrived(60);
    gate.close();
    clock.skip(leaseMs);
    await vi.waitFor(() => expect(engine.sink.open).toBe(0), { timeout: 5_000, interval: 1 });
    const before = engine.sink.arrivals.length;
    await delay(200); // it has more to send and nothing else would keep it from that
    expect(engine.sink.arrivals).toHaveLength(before);
    expect(before).toBeLessThan(300);

    await runToEnd(engine, run, { takesOver: true });
    const after = engine.sink.arrivals.length;
    gate.open();
    await lost;
    expect(engine.sink.arrivals).toHaveLength(after);
    expect(engine.sink.taken().size).toBe(300);
    expect(await countsOf(engine, run)).toEqual({ delivered: sent.length });
  });

  test('asks when a request is written to its socket, not when it is handed over', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(40, 40));
    const run = await newReplay(engine);
    const [clock, gate] = [skippingClock(), newGate()];
    let skipped = false;
    const outcomes: Outcome['kind'][] = [];
    const inner = await senderOf(engine);
    const sender: Sender = {
      ...inner,
      send: async (deliveries, writeGate) => {
        const sending = inner.send(deliveries, writeGate); // its connection is still being made
        if (!skipped) clock.skip(leaseMs);
        if (!skipped) gate.close();
        skipped = true;
        const ended = await sending;
        outcomes.push(...ended.map(({ kind }) => kind));
        return ended;
      },
    };
    const working = runSlice(engine, run, {
      db: watchedDatabase(db, () => gate.pass()),
      now: clock.now,
      sender,
    });
    await vi.waitFor(() => expect(outcomes.length).toBeGreaterThan(0), { timeout: 5_000, interval: 1 });
    expect(new Set(outcomes)).toEqual(new Set(['notSent']));
    expect(engine.sink.arrivals).toEqual([]);
    gate.open(); // the commit renews the lease, and it goes on
    expect(await working).toEqual({ kind: 'done' });
    expect(engine.sink.arrivals.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 40 }, () => 1));
  });

  test('sends nothing while it cannot write down what it sent, and goes on when it can', async () => {
    const engine = await newEngine(db, { settings: { concurrency: 4 } });
    await append(engine, turns(800, 100));
    engine.sink.answer = () => ({ status: 200, afterMs: 10 });
    const run = await newReplay(engine);
    let away = false;
    let refused = 0;
    const flaky = watchedDatabase(db, () => {
      if (!away) return;
      refused++;
      throw new Error('Connection terminated unexpectedly');
    });
    const working = runSlice(engine, run, { db: flaky });
    await engine.sink.arrived(40);
    away = true;
    await vi.waitFor(() => expect(refused).toBeGreaterThan(1), { timeout: 5_000, interval: 1 });
    await vi.waitFor(() => expect(engine.sink.open).toBe(0), { timeout: 5_000, interval: 1 });
    const before = engine.sink.arrivals.length;
    expect(before).toBeLessThan(800);
    const tried = refused;
    await vi.waitFor(() => expect(refused).toBeGreaterThan(tried + 1), { timeout: 5_000, interval: 1 });
    expect(engine.sink.arrivals).toHaveLength(before);
    away = false;
    expect(await working).toEqual({ kind: 'done' });
    expect([...engine.sink.taken().values()]).toEqual(Array.from({ length: 800 }, () => 1));
    expect(await countsOf(engine, run)).toEqual({ delivered: 800 });
  });
});
