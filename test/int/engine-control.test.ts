import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { changeDestination } from '../../src/db/destinations.ts';
import { setReplayDesired, setReplayPace } from '../../src/db/replays.ts';
import { endRunIfDue } from '../../src/db/run-end.ts';
import { sql } from '../../src/db/sql.ts';
import { endStream, setStreamDesired } from '../../src/db/streams.ts';
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
  take,
  turns,
  type Engine,
} from '../support/engine.ts';
import { slowFlight } from '../support/engine-flight.ts';
import { statusOf } from '../support/engine-waiting.ts';

const db = await testDatabase();

const status = async (engine: Engine, run: string) => (await statusOf(engine, run)).status;

/** Reads the status until it is the wanted one. @returns all that were read, each once */
async function statusesUntil(engine: Engine, run: string, wanted: string): Promise<string[]> {
  const seen: string[] = [];
  const untrue: string[] = [];
  await vi.waitFor(
    async () => {
      const read = await status(engine, run);
      if (seen.at(-1) !== read) seen.push(read);
      if (read === wanted && engine.sink.open > 0)
        untrue.push(`${read} with ${engine.sink.open} requests in flight`);
      expect(read).toBe(wanted);
    },
    { timeout: 10_000, interval: 1 },
  );
  expect(untrue).toEqual([]); // it is true when it is said
  return seen;
}

const newScene = (lanes?: number) => slowFlight(db, lanes);

/** The holder has acted upon the newest wish. */
async function heard(engine: Engine, run: string): Promise<void> {
  const confirmed = async () => {
    const { revision, lanes } = await runOf(engine, run);
    return lanes.every(({ leaseRevision }) => leaseRevision === revision);
  };
  await vi.waitFor(async () => expect(await confirmed()).toBe(true), { timeout: 5_000, interval: 1 });
}

async function finishes(engine: Engine, run: string): Promise<void> {
  engine.sink.answer = () => 200;
  expect((await runToEnd(engine, run)).endedAs).toBe('completed');
  expect([...engine.sink.taken().values()]).toEqual(Array.from({ length: 400 }, () => 1));
  expect(engine.sink.arrivals).toHaveLength(400);
}

describe('with nobody at work', () => {
  test('a pause is true at once, a resume too, and both can be said again', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(5));
    const run = await newReplay(engine);
    expect((await setReplayDesired(db, run, 'paused', 'for_lunch')).kind).toBe('changed');
    expect(await statusOf(engine, run)).toEqual({
      status: 'paused',
      statusReason: 'for_lunch',
      nextRetryAt: null,
    });
    expect((await setReplayDesired(db, run, 'paused')).kind).toBe('unchanged');
    expect(await runSlice(engine, run)).toEqual({ kind: 'unwanted', desired: 'paused' });
    const { revision, lanes } = await runOf(engine, run);
    expect(lanes[0]).toMatchObject({ leaseRevision: revision, leaseLive: false });
    expect(engine.sink.arrivals).toEqual([]);
    expect((await setReplayDesired(db, run, 'running')).kind).toBe('changed');
    expect(await status(engine, run)).toBe('running');
    await runToEnd(engine, run);
    expect(engine.sink.arrivals).toHaveLength(5);
  });

  test('a cancel is true at once and for good', async () => {
    const engine = await newEngine(db);
    const run = await newReplay(engine);
    await setReplayDesired(db, run, 'cancelled');
    expect(await status(engine, run)).toBe('cancelled');
    for (const desired of ['running', 'paused'] as const)
      expect((await setReplayDesired(db, run, desired)).kind).toBe('ended');
    expect((await setReplayPace(db, run, { maxConcurrent: 1 })).kind).toBe('ended');
    expect((await db.transaction((tx) => endRunIfDue(tx, run)))!.endedAs).toBe('cancelled');
    expect(await runSlice(engine, run)).toEqual({ kind: 'ended' });
    expect((await setReplayDesired(db, crypto.randomUUID(), 'paused')).kind).toBe('no_replay');
  });

  test('a holder who has died keeps a pause from being true only as long as his lease may last', async () => {
    const engine = await newEngine(db);
    const run = await newReplay(engine);
    await take(db, run);
    await setReplayDesired(db, run, 'paused');
    expect(await status(engine, run)).toBe('pausing');
    await db.run(sql`update lane set lease_renewed_at = now() - interval '5500 ms' where run_id = ${run}`);
    expect(await status(engine, run)).toBe('pausing');
    await db.run(sql`update lane set lease_renewed_at = now() - interval '7 s' where run_id = ${run}`);
    expect(await status(engine, run)).toBe('paused');
  });
});

describe('amid sending', () => {
  test('a pause is true when nothing is in flight any more, and a resume goes on where it stood', async () => {
    const { engine, run, working } = await newScene();
    await setReplayDesired(db, run, 'paused');
    expect(await statusesUntil(engine, run, 'paused')).toEqual(['pausing', 'paused']);
    const before = engine.sink.arrivals.length;
    expect(await working).toEqual([{ kind: 'stopped' }]);
    expect(await countsOf(engine, run)).toEqual({ delivered: before });
    expect(engine.sink.arrivals).toHaveLength(before);
    await setReplayDesired(db, run, 'running');
    await finishes(engine, run);
  });

  test('a pause of several lanes is true when the last of them has stopped', async () => {
    const { engine, run, working } = await newScene(3);
    await setReplayDesired(db, run, 'paused');
    expect(await statusesUntil(engine, run, 'paused')).toEqual(['pausing', 'paused']);
    expect(await working).toEqual(Array.from({ length: 3 }, () => ({ kind: 'stopped' })));
    await setReplayDesired(db, run, 'running');
    await finishes(engine, run);
  });

  test('a pause does not wait longer than the drain for an answer that does not come', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(40, 40));
    engine.sink.answer = ({ messageId }) => (Number(messageId.slice(1)) % 7 === 0 ? 'never' : 200);
    const run = await newReplay(engine);
    const working = runSlice(engine, run, { timing: { drainMs: 400 } });
    await engine.sink.arrived(40);
    await setReplayDesired(db, run, 'paused');
    expect(await statusesUntil(engine, run, 'paused')).toEqual(['pausing', 'paused']);
    expect(await working).toEqual({ kind: 'stopped' });
    engine.sink.answer = () => 200;
    await setReplayDesired(db, run, 'running');
    await runToEnd(engine, run);
    expect([...engine.sink.taken().values()]).toEqual(Array.from({ length: 40 }, () => 1));
  });

  test('a cancel is true when nothing is in flight any more; what was delivered is not missing', async () => {
    const { engine, run, working } = await newScene();
    await setReplayDesired(db, run, 'cancelled');
    expect((await ask(engine)).kind).toBe('replay_running');
    expect(await statusesUntil(engine, run, 'cancelled')).toEqual(['cancelling', 'cancelled']);
    await working;
    const before = engine.sink.arrivals.length;
    const next = await newReplay(engine);
    expect((await runOf(engine, run)).endedAs).toBe('cancelled');
    await finishes(engine, next);
    expect(await countsOf(engine, next)).toEqual({ alreadyDelivered: before, delivered: 400 - before });
  });

  test('a stream is paused and resumed alike, and catches up', async () => {
    const engine = await newEngine(db, { settings: { concurrency: 4 } });
    const stream = await connect(engine);
    await append(engine, turns(200, 50));
    engine.sink.answer = () => ({ status: 200, afterMs: 50 });
    const working = runSlice(engine, stream);
    await engine.sink.arrived(20);
    await setStreamDesired(db, engine.destinationId, 'paused');
    expect(await statusesUntil(engine, stream, 'paused')).toEqual(['pausing', 'paused']);
    expect(await working).toEqual({ kind: 'stopped' });
    await append(engine, turns(200, 50));
    await setStreamDesired(db, engine.destinationId, 'running');
    engine.sink.answer = () => 200;
    await runToEnd(engine, stream);
    expect([...engine.sink.taken().values()]).toEqual(Array.from({ length: 400 }, () => 1));
  });

  test('a stream that is disabled drains, ends at its mark, and leaves the rest missing', async () => {
    const engine = await newEngine(db, { settings: { concurrency: 4 } });
    const stream = await connect(engine);
    const sent = await append(engine, turns(400, 100));
    engine.sink.answer = () => ({ status: 200, afterMs: 50 });
    const working = runSlice(engine, stream);
    await engine.sink.arrived(20);
    await db.transaction((tx) => endStream(tx, engine.destinationId, 'disabled'));
    expect((await runOf(engine, stream)).endedAt).toBeNull();
    await working;
    const ended = (await db.transaction((tx) => endRunIfDue(tx, stream)))!;
    const delivered = engine.sink.arrivals.length;
    expect(ended).toMatchObject({ endedAs: 'cancelled', toPosition: sent[delivered - 1]!.position });
    const replay = await newReplay(engine);
    await finishes(engine, replay);
    expect(await countsOf(engine, replay)).toEqual({
      alreadyDelivered: delivered,
      delivered: 400 - delivered,
    });
  });

  test('a budget that is changed, and a name, are obeyed by the slice that runs', async () => {
    const { engine, working } = await newScene();
    await changeDestination(db, engine.destinationId, { name: 'New', budget: { eventsPerSecond: 0.05 } });
    await vi.waitFor(
      async () => {
        const before = engine.sink.arrivals.length;
        await delay(500);
        expect(engine.sink.arrivals.length - before).toBeLessThanOrEqual(1);
      },
      { timeout: 5_000 },
    );
    expect(engine.sink.arrivals.length).toBeLessThan(400);
    engine.sink.answer = () => 200;
    await changeDestination(db, engine.destinationId, { budget: { eventsPerSecond: 1_000 } });
    expect(await working).toEqual([{ kind: 'done' }]);
    expect([...engine.sink.taken().values()]).toEqual(Array.from({ length: 400 }, () => 1));
  });
});

describe('the pace of a replay that runs', () => {
  test('fewer requests at once are obeyed within a second or so, and more again', async () => {
    const { engine, run, working } = await newScene();
    expect(engine.sink.mostOpen).toBe(4);
    await setReplayPace(db, run, { maxConcurrent: 1 });
    await heard(engine, run);
    await vi.waitFor(() => expect(engine.sink.open).toBeLessThanOrEqual(1), { timeout: 5_000, interval: 1 });
    const from = engine.sink.arrivals.length;
    engine.sink.mostOpen = 0;
    await engine.sink.arrived(from + 5);
    expect(engine.sink.mostOpen).toBe(1);
    await setReplayPace(db, run, { maxConcurrent: null });
    await vi.waitFor(() => expect(engine.sink.open).toBe(4), { timeout: 5_000, interval: 1 });
    engine.sink.answer = () => 200;
    await working;
    expect(engine.sink.arrivals).toHaveLength(400);
  });

  test('one event in twenty seconds, raised to many a second, goes on at once', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(50, 50));
    const run = await newReplay(engine, { pace: { eventsPerSecond: 0.05 } });
    const working = runSlice(engine, run);
    await engine.sink.arrived(1);
    await setReplayPace(db, run, { eventsPerSecond: 1_000 });
    await engine.sink.arrived(50);
    expect(await working).toEqual({ kind: 'done' });
  });

  test('no limit, lowered to one event in twenty seconds, is obeyed within a second or so', async () => {
    const { engine, run, working } = await newScene();
    await setReplayPace(db, run, { eventsPerSecond: 0.05 });
    await heard(engine, run);
    await vi.waitFor(() => expect(engine.sink.open).toBe(0), { timeout: 5_000, interval: 1 });
    const before = engine.sink.arrivals.length;
    await setReplayDesired(db, run, 'paused');
    expect(await working).toEqual([{ kind: 'stopped' }]);
    expect(engine.sink.arrivals.length - before).toBeLessThanOrEqual(1);
    await setReplayPace(db, run, { eventsPerSecond: null });
    await setReplayDesired(db, run, 'running');
    await finishes(engine, run);
  });
});
