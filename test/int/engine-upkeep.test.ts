import { describe, expect, test, vi } from 'vitest';
import { watchHead } from '../../src/db/head-watch.ts';
import { claimWake, readOpenRuns } from '../../src/db/open-runs.ts';
import { claimParked } from '../../src/db/parked-streams.ts';
import { setReplayDesired } from '../../src/db/replays.ts';
import { freeToEnd, failRun } from '../../src/db/run-end.ts';
import { sql } from '../../src/db/sql.ts';
import { endStream, setStreamDesired } from '../../src/db/streams.ts';
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
  take,
  turns,
  type Engine,
} from '../support/engine.ts';
import { comesDue, workUntilWaiting } from '../support/engine-waiting.ts';

const db = await testDatabase({ maxConnections: 30 });

const headOf = async () =>
  (await db.rows<{ head: number }>(sql`select max(position) as head from event`))[0]!.head;
/** Whether a caller gets to wake the destination's stream. */
const claims = async ({ destinationId }: Engine) =>
  (await claimParked(db, { after: 0, to: await headOf() })).some(
    (claimed) => claimed.destinationId === destinationId,
  );
const later = async (run: string) =>
  await db.run(sql`update lane set woken_at = woken_at - interval '5 s' where run_id = ${run}`);

/** A stream that is parked at the head. */
async function newParked() {
  const engine = await newEngine(db);
  const stream = await connect(engine);
  await append(engine, turns(3));
  await runToEnd(engine, stream);
  expect((await runOf(engine, stream)).lanes[0]).toMatchObject({ state: 'parked' });
  return { engine, stream };
}

describe('a parked stream', () => {
  test('is not woken at the head; below it by one of many callers, once in five seconds until it is worked', async () => {
    const { engine, stream } = await newParked();
    expect(await claims(engine)).toBe(false);
    await append(engine, turns(2));
    const callers = await Promise.all(Array.from({ length: 8 }, () => claims(engine)));
    expect(callers.filter((claimed) => claimed)).toHaveLength(1);
    expect(await claims(engine)).toBe(false);
    await later(stream);
    expect(await claims(engine)).toBe(true);
    await runToEnd(engine, stream);
    expect(await claims(engine)).toBe(false);
    await append(engine, turns(2));
    expect(await claims(engine)).toBe(true); // at once: what it was woken for before has been done
    expect(await countsOf(engine, stream)).toEqual({ delivered: 5 });
  });

  test('is woken when a retry of its comes due', async () => {
    const engine = await newEngine(db);
    const stream = await connect(engine);
    const [failing] = await append(engine, turns(4, 4));
    engine.sink.answer = ({ messageId }) => (messageId === failing!.messageId ? 500 : 200);
    await workUntilWaiting(engine, stream, 1);
    expect((await runOf(engine, stream)).lanes[0]).toMatchObject({
      state: 'parked',
      wakeAt: expect.any(Date),
    });
    expect(await claims(engine)).toBe(false);
    await comesDue(engine, stream);
    await db.run(sql`update lane set wake_at = now() where run_id = ${stream}`);
    expect(await claims(engine)).toBe(true);
  });

  test('that is paused hears of that once, and is left alone however far the head moves', async () => {
    const { engine, stream } = await newParked();
    await setStreamDesired(db, engine.destinationId, 'paused');
    expect(await claims(engine)).toBe(true);
    expect(await runSlice(engine, stream)).toEqual({ kind: 'unwanted', desired: 'paused' });
    await append(engine, turns(2));
    await later(stream);
    expect(await claims(engine)).toBe(false);
    await setStreamDesired(db, engine.destinationId, 'running');
    expect(await claims(engine)).toBe(true);
  });

  test('that has ended is not woken any more', async () => {
    const { engine } = await newParked();
    await append(engine, turns(2));
    await db.transaction((tx) => endStream(tx, engine.destinationId, 'disabled'));
    expect(await claims(engine)).toBe(false);
  });
});

test('a workflow is woken for a wish by one of many callers, at most once a minute', async () => {
  const engine = await newEngine(db);
  const run = await newReplay(engine, { pace: { lanes: 3 } });
  const callers = await Promise.all(Array.from({ length: 8 }, () => claimWake(db, run)));
  expect(callers.filter((claimed) => claimed)).toHaveLength(1);
  await db.run(sql`update lane set woken_at = now() - interval '59 s' where run_id = ${run}`);
  expect(await claimWake(db, run)).toBe(false);
  await db.run(sql`update lane set woken_at = now() - interval '61 s' where run_id = ${run}`);
  expect(await claimWake(db, run)).toBe(true);
});

test('a wish that a lane has not heard is one to wake for, whoever works the others', async () => {
  const engine = await newEngine(db);
  const run = await newReplay(engine, { pace: { lanes: 2 } });
  await take(db, run);
  await take(db, run, 1);
  await db.run(sql`update lane set lease_released = true where run_id = ${run} and lane = 1`);
  expect(await claimWake(db, run)).toBe(false); // both know all there is
  await setReplayDesired(db, run, 'paused');
  expect(await claimWake(db, run)).toBe(true);
  expect(await claimWake(db, run)).toBe(false);
});

describe('what is open', () => {
  const openOf = async (run: string) => (await readOpenRuns(db)).find(({ runId }) => runId === run);

  test('a replay, with whether it is worked and whether its wishes were heard', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(3));
    const run = await newReplay(engine, { pace: { lanes: 2 } });
    const standing = {
      kind: 'replay',
      label: null,
      lanes: 2,
      parked: false,
      takesUp: false,
      startsLater: false,
    };
    const open = { runId: run, destinationId: engine.destinationId, ...standing };
    expect(await openOf(run)).toEqual({ ...open, worked: false, wakeFor: 'wish' });
    await take(db, run);
    await take(db, run, 1);
    expect(await openOf(run)).toEqual({ ...open, worked: true, wakeFor: null });
    await setReplayDesired(db, run, 'paused');
    expect(await openOf(run)).toEqual({ ...open, worked: true, wakeFor: null }); // those at work come to know
    await db.run(sql`update lane set lease_released = true where run_id = ${run} and lane = 1`);
    expect(await openOf(run)).toEqual({ ...open, worked: true, wakeFor: 'wish' });
    await db.run(sql`update lane set state = 'done' where run_id = ${run} and lane = 1`);
    expect(await openOf(run)).toEqual({ ...open, worked: true, wakeFor: null });
    await db.run(sql`update lane set lease_renewed_at = now() - interval '7 s' where run_id = ${run}`);
    expect(await openOf(run)).toEqual({ ...open, worked: false, wakeFor: 'wish' });
  });

  test('a cancelled replay that nobody holds is named for its end, and what has ended is open no more', async () => {
    const engine = await newEngine(db);
    const run = await newReplay(engine);
    await take(db, run);
    await setReplayDesired(db, run, 'cancelled');
    expect(await freeToEnd(db)).not.toContain(run);
    await db.run(sql`update lane set lease_released = true where run_id = ${run}`);
    expect(await freeToEnd(db)).toContain(run);
    await db.transaction((tx) => failRun(tx, run, 'workflow_terminated'));
    expect(await runOf(engine, run)).toMatchObject({
      endedAs: 'failed',
      statusReason: 'workflow_terminated',
    });
    expect(await openOf(run)).toBeUndefined();
    await db.transaction((tx) => failRun(tx, run, 'again'));
    expect(await runOf(engine, run)).toMatchObject({ statusReason: 'workflow_terminated' });
  });

  test('a replay of which a lane is held does not fail until it is let go', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(3));
    const run = await newReplay(engine, { pace: { lanes: 2 } });
    await take(db, run, 1);
    await db.transaction((tx) => failRun(tx, run, 'workflow_terminated'));
    expect(await runOf(engine, run)).toMatchObject({ endedAt: null, statusReason: null });
    await db.run(sql`update lane set lease_renewed_at = now() - interval '7 s' where run_id = ${run}`);
    await db.transaction((tx) => failRun(tx, run, 'workflow_terminated'));
    expect(await runOf(engine, run)).toMatchObject({ endedAs: 'failed' });
  });

  test('a stream, parked or not', async () => {
    const { engine, stream } = await newParked();
    expect(await openOf(stream)).toMatchObject({
      kind: 'stream',
      parked: true,
      worked: false,
      wakeFor: null,
    });
    await append(engine, turns(2));
    await take(db, stream);
    expect(await openOf(stream)).toMatchObject({ parked: false, worked: true });
  });
});

describe('the head of the archive', () => {
  const listeners = async () =>
    await db.rows<{ pid: number }>(sql`
      select pid from pg_stat_activity where datname = current_database() and query = 'listen event_appended'`);

  test('rises with each append that commits, and says so to whoever asked', async () => {
    const engine = await newEngine(db);
    const watch = watchHead(db);
    const rises: number[] = [];
    const stop = watch.onRise(() => rises.push(watch.head));
    await vi.waitFor(async () => expect(watch.head).toBe(await headOf()));
    const rolledBack = db.transaction(async (tx) => {
      await append({ ...engine, db: tx }, ['u']);
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
    const [event] = await append(engine, ['u']);
    await vi.waitFor(() => expect(watch.head).toBe(event!.position), { timeout: 5_000 });
    expect(rises.at(-1)).toBe(event!.position);
    expect(rises).toEqual([...rises].sort((left, right) => left - right));
    stop();
    const count = rises.length;
    const [next] = await append(engine, ['u']);
    await vi.waitFor(() => expect(watch.head).toBe(next!.position), { timeout: 5_000 });
    expect(rises).toHaveLength(count);
    await watch.close();
  });

  test('rises although its connection was killed, and it listens again', async () => {
    const engine = await newEngine(db);
    await vi.waitFor(async () => expect(await listeners()).toEqual([]), { timeout: 5_000 });
    const watch = watchHead(db);
    await vi.waitFor(async () => expect(await listeners()).toHaveLength(1), { timeout: 5_000 });
    const [killed] = await listeners();
    await db.run(sql`select pg_terminate_backend(${killed!.pid})`);
    const [event] = await append(engine, ['u']);
    await vi.waitFor(() => expect(watch.head).toBe(event!.position), { timeout: 5_000 });
    await vi.waitFor(async () => expect(await listeners()).toHaveLength(1), { timeout: 5_000 });
    expect((await listeners())[0]!.pid).not.toBe(killed!.pid);
    let rose = false;
    watch.onRise(() => (rose = true));
    await append(engine, ['u']);
    await vi.waitFor(() => expect(rose).toBe(true), { timeout: 5_000 });
    await watch.close();
    await vi.waitFor(async () => expect(await listeners()).toEqual([]), { timeout: 5_000 });
  });
});
