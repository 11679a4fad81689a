import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Schedule } from '../../src/core/replay-schedule.ts';
import { ReplayRequest } from '../../src/core/replay-request.ts';
import { readBudget } from '../../src/db/budget.ts';
import { readOpenRuns } from '../../src/db/open-runs.ts';
import { createReplay, setReplayDesired, setReplayPace, setReplayRange } from '../../src/db/replays.ts';
import { failRun } from '../../src/db/run-end.ts';
import { setReplaySchedule } from '../../src/db/schedule-change.ts';
import { beginIfDue, dueToBegin } from '../../src/db/scheduled-start.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  ask,
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
import { newVersions } from '../support/engine-hand-over.ts';
import { statusOf } from '../support/engine-waiting.ts';
import { settableClock } from '../support/wall-clock.ts';

const db = await testDatabase({ maxConnections: 30 });
const clock = await settableClock(db.url);
const nights: Schedule = { timeZone: 'UTC', windows: [{ from: '22:00', to: '06:00' }] };
const closed = { status: 'running', statusReason: 'outside_window', nextRetryAt: null };

beforeEach(() => clock.set('2030-01-10T12:00:00Z'));

describe('a window', () => {
  test('that is closed lets nobody take a lane; when it opens, all goes out once', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(20));
    const run = await newReplay(engine, { schedule: nights });
    expect(await runSlice(engine, run)).toEqual({ kind: 'unwanted', desired: 'closed' });
    expect(await statusOf(engine, run)).toEqual(closed);
    await clock.set('2030-01-10T22:00:00Z');
    expect((await runToEnd(engine, run)).endedAs).toBe('completed');
    expect([...engine.sink.taken().values()]).toEqual(Array.from({ length: 20 }, () => 1));
  });

  test('that closes stops the slice as a pause does, and what it leaves goes out in the next one', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(60));
    engine.sink.answer = () => ({ status: 200, afterMs: 100 });
    const run = await newReplay(engine, { schedule: nights, pace: { eventsPerSecond: 20 } });
    await clock.set('2030-01-11T05:59:58.500Z');
    expect(await runSlice(engine, run)).toEqual({ kind: 'stopped' });
    expect(await clock.now()).toBeGreaterThanOrEqual(Date.parse('2030-01-11T06:00:00Z'));
    const { delivered = 0 } = await countsOf(engine, run);
    expect(delivered).toBeGreaterThan(0);
    expect(delivered).toBeLessThan(60);
    expect(engine.sink.arrivals).toHaveLength(delivered); // what was in flight has been waited for, and written down
    expect(await runOf(engine, run)).toMatchObject({ lanes: [{ leaseLive: false, state: 'ready' }] });
    expect(await statusOf(engine, run)).toEqual(closed);
    await clock.set('2030-01-11T22:00:00Z');
    await setReplayPace(db, run, { eventsPerSecond: null });
    await runToEnd(engine, run);
    expect([...engine.sink.taken().values()]).toEqual(Array.from({ length: 60 }, () => 1));
  });

  test('closes at its time also for a holder whose commits do not come through', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(400));
    const run = await newReplay(engine, { schedule: nights, pace: { eventsPerSecond: 50 } });
    const other = await newEngine(db);
    await append(other, turns(400));
    const unscheduled = await newReplay(other, { pace: { eventsPerSecond: 50 } });
    await clock.set('2030-01-11T05:59:57.500Z');
    const working = runSlice(engine, run);
    const workingToo = runSlice(other, unscheduled);
    await engine.sink.arrived(10);
    let inTime = 0;
    await db.transaction(async (tx) => {
      await tx.rows(sql`select 1 from lane where run_id = ${run} for update`);
      const leftMs = Date.parse('2030-01-11T06:00:00Z') - (await clock.now());
      await delay(leftMs + 300); // what left before is here
      inTime = engine.sink.arrivals.length;
      await other.sink.arrived(other.sink.arrivals.length + 50); // whom no window stops sends all the while
      expect(engine.sink.arrivals).toHaveLength(inTime);
    });
    expect(await working).toEqual({ kind: 'stopped' });
    await setReplayDesired(db, unscheduled, 'cancelled');
    await workingToo;
    expect(inTime).toBeGreaterThan(10);
    expect(engine.sink.arrivals).toHaveLength(inTime);
    expect(await countsOf(engine, run)).toEqual({ delivered: inTime });
  });

  test('goes by the clock as it is: set forward or back, all lanes stop, and go on where it is open', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(300, 100));
    const run = await newReplay(engine, { schedule: nights, pace: { eventsPerSecond: 50, lanes: 2 } });
    const work = () => Promise.all([0, 1].map((lane) => runSlice(engine, run, { lane })));
    for (const outside of ['2030-01-12T07:00:00Z', '2030-01-10T21:00:00Z']) {
      await clock.set('2030-01-10T23:00:00Z');
      const before = engine.sink.arrivals.length;
      const working = work();
      await engine.sink.arrived(before + 10);
      await clock.set(outside);
      expect(await working).toEqual([{ kind: 'stopped' }, { kind: 'stopped' }]);
      expect(await statusOf(engine, run)).toEqual(closed);
    }
    await clock.set('2030-01-10T23:00:00Z');
    await setReplayPace(db, run, { eventsPerSecond: null });
    await runToEnd(engine, run);
    expect([...engine.sink.taken().values()]).toEqual(Array.from({ length: 300 }, () => 1));
  });

  test('that is taken away, or given, holds with the next commit of who works the lane', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(40));
    const run = await newReplay(engine, { pace: { eventsPerSecond: 20 } });
    const working = runSlice(engine, run);
    await engine.sink.arrived(5);
    await db.transaction((tx) => setReplaySchedule(tx, run, nights));
    expect(await working).toEqual({ kind: 'stopped' });
    expect(await statusOf(engine, run)).toEqual(closed);
    await db.transaction((tx) => setReplaySchedule(tx, run, null));
    expect((await runToEnd(engine, run)).endedAs).toBe('completed');
    expect([...engine.sink.taken().values()]).toEqual(Array.from({ length: 40 }, () => 1));
  });

  test('has a pace of its own: the lower one holds, from border to border', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(400));
    const slow = { from: '22:00', to: '23:00', eventsPerSecond: 5 };
    const schedule = { timeZone: 'UTC', windows: [slow, { from: '23:00', to: '23:59' }] };
    const run = await newReplay(engine, { schedule, pace: { eventsPerSecond: 400 } });
    const pace = async () =>
      (await readBudget(db, { destinationId: engine.destinationId, runId: run }))!.pace;
    await clock.set('2030-01-10T22:59:58Z');
    expect(await pace()).toBe(5);
    const working = runSlice(engine, run);
    await engine.sink.arrived(3);
    expect(await clock.now()).toBeLessThan(Date.parse('2030-01-10T23:00:00Z'));
    expect(engine.sink.arrivals.length).toBeLessThan(30);
    expect(await working).toMatchObject({ kind: 'done' }); // which takes more than a minute at the pace of before
    expect(await pace()).toBe(400);
    await setReplayPace(db, run, { eventsPerSecond: 2 });
    await clock.set('2030-01-10T22:30:00Z');
    expect(await pace()).toBe(2);
  });

  test('that was closed does not count as time for which the destination has been held', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(20));
    const run = await newReplay(engine, { schedule: nights });
    await clock.set('2030-01-10T22:00:00Z');
    engine.sink.answer = () => 403;
    const stop = new AbortController();
    const working = runSlice(engine, run, { signal: stop.signal });
    await expect
      .poll(() => statusOf(engine, run), { timeout: 10_000 })
      .toMatchObject({ statusReason: 'destination_refuses: http_403' });
    stop.abort();
    await working;
    await clock.set('2030-01-11T22:00:01Z');
    const again = new AbortController();
    const probing = runSlice(engine, run, { signal: again.signal });
    await engine.sink.arrived(engine.sink.arrivals.length + 1);
    again.abort();
    await probing;
    expect(await statusOf(engine, run)).toMatchObject({ status: 'running' }); // a day of refusals would have paused it
  });

  test('wakes a workflow that does not know that it is open', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(3));
    const run = await newReplay(engine, { schedule: nights });
    await runSlice(engine, run);
    const wakeFor = async () => (await readOpenRuns(db)).find(({ runId }) => runId === run)?.wakeFor;
    expect(await wakeFor()).toBeNull();
    await clock.set('2030-01-10T23:00:00Z');
    expect(await wakeFor()).toEqual({ openedAt: expect.closeTo(Date.parse('2030-01-10T22:00:00Z'), -1) });
    await setReplayDesired(db, run, 'paused');
    await runSlice(engine, run);
    expect(await wakeFor()).toBeNull();
  });
});

test('a range changes while no window is open', async () => {
  const engine = await newEngine(db);
  const sent = await append(engine, turns(10));
  const range = (index: number) =>
    ({ by: 'position', from: sent[0]!.position, to: sent[index]!.position }) as const;
  const run = await newReplay(engine, { schedule: nights, range: range(4) });
  await db.transaction((tx) => setReplayRange(tx, run, range(8)));
  expect(await runOf(engine, run)).toMatchObject({ changing: false, toPosition: sent[8]!.position });
  await clock.set('2030-01-10T22:00:00Z');
  await runToEnd(engine, run);
  expect(await countsOf(engine, run)).toEqual({ delivered: 9 });
});

describe('a replay that starts later', () => {
  const startAt = '2030-01-10T20:00:00Z';
  const tick = async () => {
    for (const id of await dueToBegin(db)) await db.transaction((tx) => beginIfDue(tx, id));
  };
  const schedule = { startAt, timeZone: 'UTC' };
  const desiredOf = async (engine: Engine, run: string) => (await runOf(engine, run)).desired;

  test('begins at its time as if it had been asked for then', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(5));
    await connect(engine);
    const run = await newReplay(engine, { schedule });
    const [stream] = await db.rows<{ id: string }>(
      sql`select id from run where destination_id = ${engine.destinationId} and kind = 'stream'`,
    );
    expect(await runOf(engine, run)).toMatchObject({ desired: 'planned', selected: 5 });
    await append(engine, turns(7), { live: false });
    const [live] = await append(engine, ['u1']);
    await newVersions(engine);
    await tick();
    expect(await desiredOf(engine, run)).toBe('planned');
    const [newest] = await db.rows<{ id: string }>(
      sql`select id from run where destination_id = ${engine.destinationId} and kind = 'stream' and ended_at is null`,
    );
    expect(newest!.id).not.toBe(stream!.id);
    await runToEnd(engine, newest!.id);
    await clock.set(startAt);
    await tick();
    expect(await runOf(engine, run)).toMatchObject({
      desired: 'running',
      statusReason: null,
      toPosition: live!.position,
      actions: [{ version: 2 }],
    });
    await runToEnd(engine, run);
    expect(await countsOf(engine, run)).toEqual({ delivered: 12, alreadyDelivered: 1 });
  });

  test('waits for the replay that runs at its time, after those that have waited longer', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(3));
    const run = await newReplay(engine, { schedule });
    const other = await newReplay(engine);
    await tick();
    expect(await statusOf(engine, run)).toMatchObject({ status: 'planned', statusReason: 'scheduled' });
    const waiting = randomUUID();
    const { destinationId } = engine;
    const request = ReplayRequest.parse({ destinationId });
    await db.transaction((tx) => createReplay(tx, { id: waiting, destinationId, request, whenBusy: 'wait' }));
    await db.run(sql`update run set created_at = clock_timestamp() where id = ${waiting}`);
    await clock.set(startAt);
    await tick();
    await tick();
    expect(await statusOf(engine, run)).toMatchObject({
      status: 'planned',
      statusReason: 'waits_for_replay',
    });
    await runToEnd(engine, other);
    expect([await desiredOf(engine, waiting), await desiredOf(engine, run)]).toEqual(['running', 'planned']);
    await runToEnd(engine, waiting);
    expect((await runToEnd(engine, run)).endedAs).toBe('completed');
  });

  test('whose end comes before its time lets nobody begin beside the one that runs', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(3));
    const [first, second] = [await newReplay(engine, { schedule }), await newReplay(engine, { schedule })];
    const running = await newReplay(engine);
    await clock.set(startAt);
    await db.transaction((tx) => failRun(tx, first, 'workflow_terminated'));
    expect([await desiredOf(engine, running), await desiredOf(engine, second)]).toEqual([
      'running',
      'planned',
    ]);
    expect(await ask(engine)).toMatchObject({ kind: 'replay_running', replayId: running });
  });

  test('has a workflow that waits for it', async () => {
    const engine = await newEngine(db);
    const run = await newReplay(engine, { schedule });
    const open = async () => (await readOpenRuns(db)).find(({ runId }) => runId === run);
    expect(await open()).toMatchObject({ startsLater: true, wakeFor: null });
    await clock.set(startAt);
    await tick();
    expect(await open()).toMatchObject({ startsLater: false, wakeFor: 'wish' });
  });
});
