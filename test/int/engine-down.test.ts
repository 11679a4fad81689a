import { describe, expect, test, vi } from 'vitest';
import type { LaneNews } from '../../src/activities/lane-news.ts';
import { HeldSlots } from '../../src/activities/held-slots.ts';
import { setReplayDesired } from '../../src/db/replays.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  connect,
  countsOf,
  newEngine,
  newReplay,
  runOf,
  runSlice,
  runToEnd,
  turns,
  type Engine,
} from '../support/engine.ts';
import { newVictim, watchedDatabase } from '../support/engine-faults.ts';
import { statusOf, waitingOf, workUntilWaiting } from '../support/engine-waiting.ts';

const db = await testDatabase();

const laneOf = async (engine: Engine, run: string) => (await runOf(engine, run)).lanes[0]!;

/** Nothing of the run was given up on or set aside. */
async function expectNothingLost(engine: Engine, run: string): Promise<void> {
  const counts = await countsOf(engine, run);
  expect([counts.dead ?? 0, counts.waiting ?? 0]).toEqual([0, 0]);
  expect(await waitingOf(engine, run)).toEqual([]);
  expect(await db.rows(sql`select 1 from dead_letter where run_id = ${run}`)).toEqual([]);
}

/** Works slices until the destination has taken everything, in less time than the waits take. */
async function recovers(engine: Engine, run: string, count: number): Promise<void> {
  const ended = await runToEnd(engine, run);
  expect(ended.endedAs).toBe('completed');
  expect(await countsOf(engine, run)).toEqual({ delivered: count });
  expect(engine.sink.taken().size).toBe(count);
}

describe('a destination that is down', () => {
  test('nobody listens: a replay is held, says why and until when; a stream too, and live events wait', async () => {
    await Promise.all([holdsReplay(), holdsStream()]);
  });

  async function holdsReplay() {
    const engine = await newEngine(db);
    await append(engine, turns(40, 8));
    await engine.sink.down();
    const run = await newReplay(engine);
    const working = runSlice(engine, run);
    await vi.waitFor(async () => expect((await laneOf(engine, run)).state).toBe('held'), { timeout: 5_000 });
    const lane = await laneOf(engine, run);
    expect(lane).toMatchObject({
      stateReason: 'destination_down: connection_refused',
      leaseLive: true,
      counts: { events: {} },
    });
    expect(await statusOf(engine, run)).toEqual({
      status: 'running',
      statusReason: 'destination_down: connection_refused',
      nextRetryAt: expect.any(Date),
    });
    await expectNothingLost(engine, run);
    await engine.sink.up();
    expect(await working).toEqual({ kind: 'done' });
    expect(await countsOf(engine, run)).toEqual({ delivered: 40 });
    expect(engine.sink.arrivals).toHaveLength(40);
    expect(await laneOf(engine, run)).toMatchObject({ state: 'done', stateReason: null });
  }

  async function holdsStream() {
    const engine = await newEngine(db);
    const stream = await connect(engine);
    await append(engine, turns(20, 5));
    await engine.sink.down();
    const news: string[] = [];
    const tell = ({ what, kind, reason }: LaneNews) => news.push(`${kind} ${what} ${reason}`);
    for (const timing of [{ sliceMs: 1_500 }, { sliceMs: 1_500 }])
      expect(await runSlice(engine, stream, { tell, timing })).toEqual({ kind: 'more' });
    expect((await laneOf(engine, stream)).state).toBe('held');
    await append(engine, turns(20, 5));
    await engine.sink.up();
    await runToEnd(engine, stream, { tell });
    const reason = 'destination_down: connection_refused';
    expect(news).toEqual([`stream destination_down ${reason}`, `stream destination_up ${reason}`]);
    expect(await countsOf(engine, stream)).toEqual({ delivered: 40 });
    expect(engine.sink.arrivals).toHaveLength(40);
  }

  test('is asked at least every five seconds, however long it has been down, by the slice that runs', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(40, 8));
    await engine.sink.down();
    const run = await newReplay(engine);
    expect(await runSlice(engine, run, { timing: { sliceMs: 1_500 } })).toEqual({ kind: 'more' });
    await db.run(sql`
      update lane set hold_ms = 30000, held_since = held_since - interval '1 hour', wake_at = now()
      where run_id = ${run}`);
    const working = runSlice(engine, run);
    const waits: number[] = [];
    await vi.waitFor(
      async () => {
        const [row] = await db.rows<{ wait: number }>(sql`
          select extract(epoch from wake_at - lease_renewed_at)::float8 * 1000 as wait from lane
          where run_id = ${run} and not lease_released`);
        waits.push(row?.wait ?? 0);
        expect(waits.at(-1)).toBeGreaterThan(1_000); // the first probe has failed
      },
      { timeout: 10_000, interval: 20 },
    );
    expect(Math.max(...waits)).toBeLessThan(5_000);
    await engine.sink.up();
    expect(await working).toEqual({ kind: 'done' });
    expect(engine.sink.arrivals).toHaveLength(40);
  });

  test('keeps its slot only while others are left: beyond that it is probed by a slice every half minute', async () => {
    const heldSlots = new HeldSlots({ stream: 0, replay: 1 });
    const engines = await Promise.all([newEngine(db), newEngine(db)]);
    const runs: string[] = [];
    for (const engine of engines) {
      await append(engine, turns(40, 8));
      await engine.sink.down();
      runs.push(await newReplay(engine));
    }
    const timing = { sliceMs: 4_500 };
    const ends = await Promise.all(
      engines.map((engine, index) => runSlice(engine, runs[index]!, { heldSlots, timing })),
    );
    // One is held until its slice is over, the other leaves as soon as its wait is no longer short.
    expect(ends.map(({ kind }) => kind).toSorted()).toEqual(['held', 'more']);
    const away = ends.find((end) => end.kind === 'held') as { wakeInMs: number };
    expect(away.wakeInMs).toBeGreaterThanOrEqual(4_000);
    // What the first one kept is free again.
    const again = await runSlice(engines[0], runs[0]!, { heldSlots, timing });
    expect(again.kind).toBe('more');
    await db.run(sql`update lane set hold_ms = 30000 where run_id = ${runs[1]}`);
    const none = new HeldSlots({ stream: 1, replay: 0 });
    const long = await runSlice(engines[1], runs[1]!, { heldSlots: none });
    expect('wakeInMs' in long && long.wakeInMs).toBeGreaterThanOrEqual(30_000);
  });

  test('goes down amid sending and comes back: it goes on by itself, in order', async () => {
    const engine = await newEngine(db);
    const sent = await append(engine, turns(200, 40));
    engine.sink.answer = () => ({ status: 200, afterMs: 10 });
    const run = await newReplay(engine);
    const working = runSlice(engine, run);
    await engine.sink.arrived(60);
    await engine.sink.down();
    await vi.waitFor(async () => expect((await laneOf(engine, run)).state).toBe('held'), { timeout: 5_000 });
    await engine.sink.up();
    expect(await working).toEqual({ kind: 'done' });
    expect(await countsOf(engine, run)).toEqual({ delivered: 200 });
    expect(engine.sink.taken().size).toBe(200);
    // What was in flight has an unknown end and is sent again; nothing else is.
    expect(engine.sink.arrivals.length).toBeLessThanOrEqual(200 + 16);
    for (let user = 0; user < 40; user++) {
      const own = sent.filter(({ userId }) => userId === `u${user}`).map(({ messageId }) => messageId);
      const taken = engine.sink.of(own).filter(({ status }) => status === 200);
      expect([...new Set(taken.map(({ messageId }) => messageId))]).toEqual(own);
    }
  });

  test('refuses all, fails for all, knows no sender, does not answer: held, probed with single events', async () => {
    // One that only fails keeps its slot, because it is asked again that soon.
    const cases = [
      { answer: 400, reason: 'destination_refuses: http_400' },
      { answer: 500, reason: 'destination_down: http_500' },
      { answer: 401, reason: 'unauthorized: http_401' },
      { answer: 'never', reason: 'destination_down: timeout' },
    ] as const;
    const holds = async ({ answer, reason }: (typeof cases)[number]) => {
      const engine = await newEngine(db, { settings: { timeoutMs: 500 } });
      const kind = reason.startsWith('destination_down') ? 'more' : 'held';
      const work = () => runSlice(engine, run, kind === 'more' ? { timing: { sliceMs: 2_500 } } : {});
      await append(engine, turns(60, 12));
      engine.sink.answer = () => answer;
      const run = await newReplay(engine);
      const first = await work();
      expect(first, reason).toMatchObject({ kind });
      expect(await laneOf(engine, run)).toMatchObject({ state: 'held', stateReason: reason });
      await expectNothingLost(engine, run);
      const before = engine.sink.arrivals.length;
      engine.sink.mostOpen = 0;
      const again = await work();
      expect(again, reason).toMatchObject({ kind });
      // It goes on with the wait instead of starting over, and is held for longer.
      if ('wakeInMs' in again && 'wakeInMs' in first) expect(again.wakeInMs).toBeGreaterThan(first.wakeInMs!);
      expect(engine.sink.mostOpen, reason).toBe(1);
      expect(engine.sink.arrivals.length - before, reason).toBeLessThanOrEqual(2);
      engine.sink.answer = () => 200;
      await recovers(engine, run, 60);
    };
    await Promise.all(cases.map(holds));
  });

  test('is not held against a lane by a few events that fail among others', async () => {
    const engine = await newEngine(db);
    const sent = await append(engine, turns(100, 50));
    const bad = new Set([10, 11, 12, 13].map((index) => sent[index]!.messageId));
    engine.sink.answer = ({ messageId }) => (bad.has(messageId) ? 400 : 200);
    const run = await newReplay(engine);
    const states = new Set<string>();
    const watched = watchedDatabase(db, async ({ at }) => {
      if (at === 'committed') states.add((await laneOf(engine, run)).state);
    });
    await runToEnd(engine, run, { db: watched });
    expect(states).not.toContain('held');
    expect(await countsOf(engine, run)).toEqual({ delivered: 96, dead: 4 });
  });
});

test('the one event that an outage leaves and that always fails is set aside after a while', async () => {
  const engine = await newEngine(db);
  const [only] = await append(engine, turns(1));
  await engine.sink.down();
  const run = await newReplay(engine);
  expect(await runSlice(engine, run, { timing: { sliceMs: 1_500 } })).toEqual({ kind: 'more' });
  expect((await laneOf(engine, run)).state).toBe('held');
  await engine.sink.up();
  engine.sink.answer = () => 500;
  await db.run(sql`update lane set hold_ms = 30000, wake_at = now() where run_id = ${run}`);
  expect(await workUntilWaiting(engine, run, 1)).toMatchObject({ kind: 'waiting' });
  expect(await waitingOf(engine, run)).toMatchObject([{ position: only!.position, rounds: 1 }]);
  expect(await laneOf(engine, run)).toMatchObject({ state: 'waiting', stateReason: null });
});

describe('429 with Retry-After', () => {
  /** Sixty events of which the thirtieth to come in is answered with 429. */
  async function newScene(retryAfter: number) {
    const engine = await newEngine(db, { settings: { concurrency: 4 } });
    await append(engine, turns(60, 60));
    let closedAt = Infinity;
    engine.sink.answer = () => {
      if (engine.sink.arrivals.length !== 30) return { status: 200, afterMs: 5 };
      closedAt = performance.now();
      return { status: 429, retryAfter };
    };
    const run = await newReplay(engine);
    /** What came in since, leaving out what was on its way when the answer was given. */
    const later = () => engine.sink.arrivals.filter(({ at }) => at > closedAt + 5);
    return { engine, run, later, closedAt: () => closedAt };
  }

  test('that is short: nothing is sent inside the window, then all of it, each once', async () => {
    const { engine, run, later, closedAt } = await newScene(1);
    await recovers(engine, run, 60);
    expect(later().length).toBeGreaterThan(20);
    const between = later().filter(({ at }) => at > closedAt() + 50);
    expect(Math.min(...between.map(({ at }) => at))).toBeGreaterThanOrEqual(closedAt() + 1_000);
    expect(later().length - between.length).toBeLessThanOrEqual(4);
    expect([...engine.sink.taken().values()].every((times) => times === 1)).toBe(true);
    await expectNothingLost(engine, run);
  });

  test('that is long: the lane is held until then', async () => {
    const { engine, run } = await newScene(60);
    const end = (await runSlice(engine, run)) as { kind: string; wakeInMs: number };
    expect(end.kind).toBe('held');
    expect(end.wakeInMs).toBeGreaterThan(50_000);
    const { status, statusReason, nextRetryAt } = await statusOf(engine, run);
    expect([status, statusReason]).toEqual(['running', 'throttled: http_429']);
    expect(nextRetryAt!.getTime() - Date.now()).toBeGreaterThan(50_000);
    await expectNothingLost(engine, run);
  });

  test('holds for whoever takes the lane meanwhile, as after a pause', async () => {
    const { engine, run } = await newScene(60);
    await runSlice(engine, run);
    const before = engine.sink.arrivals.length;
    await setReplayDesired(db, run, 'paused');
    expect(await runSlice(engine, run)).toEqual({ kind: 'unwanted', desired: 'paused' });
    await setReplayDesired(db, run, 'running');
    const end = (await runSlice(engine, run)) as { kind: string; wakeInMs: number };
    expect(end.kind).toBe('held');
    expect(end.wakeInMs).toBeGreaterThan(45_000);
    expect(engine.sink.arrivals).toHaveLength(before);
    await db.run(sql`update lane set wake_at = now() where run_id = ${run}`);
    await db.run(
      sql`update budget set blocked_until = now() where scope = ${`destination/${engine.destinationId}`}`,
    );
    await recovers(engine, run, 60);
  });

  test('holds as well after its worker was killed right after it had written down what it heard', async () => {
    const { engine, run } = await newScene(60);
    const victim = await newVictim(engine, async ({ at }) => {
      if (at === 'committed' && (await laneOf(engine, run)).state === 'held') victim.kill();
    });
    await expect(runSlice(engine, run, victim)).rejects.toThrow('killed');
    const before = engine.sink.arrivals.length;
    const end = (await runSlice(engine, run, { takesOver: true })) as { kind: string; wakeInMs: number };
    expect(end.kind).toBe('held');
    expect(end.wakeInMs).toBeGreaterThan(45_000);
    expect(engine.sink.arrivals).toHaveLength(before);
  });
});
