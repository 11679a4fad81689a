import { describe, expect, test, vi } from 'vitest';
import type { HeadWatch } from '../../src/db/head-watch.ts';
import { readHeldLeases } from '../../src/db/held-leases.ts';
import { claimParked, passParked } from '../../src/db/parked-streams.ts';
import { sql } from '../../src/db/sql.ts';
import { setStreamDesired } from '../../src/db/streams.ts';
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
import { lockAwaited } from '../support/engine-faults.ts';
import { newSource } from '../support/events.ts';

const db = await testDatabase({ maxConnections: 30 });

const headOf = async () =>
  (await db.rows<{ head: number }>(sql`select max(position) as head from event`))[0]!.head;
/** Positions that no event has: they are looked at like others. */
const leaveOut = async (count: number) =>
  await db.rows(sql`select setval('event_position', last_value + ${count}::bigint) from event_position`);
const laneOf = async (run: string) => (await runOf({ db }, run)).lanes[0]!;

/** Waits until the holder of a stream has renewed its lease so many times. */
async function renewed(run: string, times: number): Promise<void> {
  const renewals = async () => (await readHeldLeases(db)).find(({ runId }) => runId === run)!.renewals;
  const before = await renewals();
  await vi.waitFor(async () => expect(await renewals()).toBeGreaterThanOrEqual(before + times), {
    timeout: 10_000,
    interval: 20,
  });
}

/** A head that moves on whenever one looks, over positions that no event has. */
async function restlessHead(): Promise<HeadWatch> {
  let head = await headOf();
  await leaveOut(1_000_000);
  return {
    get head() {
      return ++head;
    },
    onRise: () => () => undefined,
    close: () => Promise.resolve(),
  };
}

describe('a stream that gets nothing while others do', () => {
  test('parks although the head moves on, near the head, and sends what comes for it when it is woken', async () => {
    const engine = await newEngine(db);
    const stream = await connect(engine);
    await append(engine, turns(3));
    const head = await restlessHead();
    const before = head.head;
    expect(await runSlice(engine, stream, { head, timing: { idleMs: 300 } })).toEqual({
      kind: 'idle',
      wakeInMs: null,
    });
    expect(await laneOf(stream)).toMatchObject({ state: 'parked', leaseLive: false });
    expect((await laneOf(stream)).mark).toBeGreaterThan(before);
    await append(engine, turns(2));
    expect(await claimed(engine)).toBe(true);
    await runToEnd(engine, stream);
    expect(await countsOf(engine, stream)).toEqual({ delivered: 5 });
  });

  test('stays at work for as long as something of it goes out', async () => {
    const engine = await newEngine(db);
    const stream = await connect(engine);
    const working = runSlice(engine, stream, { timing: { idleMs: 3_000, sliceMs: 60_000 } });
    let ended = false;
    void working.then(() => (ended = true));
    for (let time = 0; time < 4; time++) {
      await append(engine, ['u1']);
      await engine.sink.arrived(time + 1);
      // With nothing to write the lease is renewed once a second: one or two seconds of quiet each time, and in all more
      // than a stream without events stays.
      await renewed(stream, 2);
      expect(ended).toBe(false);
    }
    expect(await working).toMatchObject({ kind: 'idle' });
    expect(await countsOf(engine, stream)).toEqual({ delivered: 4 });
  });

  test('does not park far below the head, whatever its selection leaves out on the way', async () => {
    const engine = await newEngine(db);
    const stream = await connect(engine);
    const other = { db, source: await newSource(db) };
    await leaveOut(3_000_000);
    await append(other, turns(1));
    const head = await headOf();
    await vi.waitFor(() => expect(engine.head.head).toBe(head), { timeout: 5_000 });
    expect(await runSlice(engine, stream, { timing: { idleMs: 0 } })).toMatchObject({ kind: 'idle' });
    expect((await laneOf(stream)).mark).toBeGreaterThanOrEqual(head - 20_000);
  });

  test('parks with its last event that is refused, which waits for what shows who is at fault', async () => {
    const engine = await newEngine(db);
    const stream = await connect(engine);
    await append(engine, ['u1']);
    engine.sink.answer = () => 400;
    const working = runSlice(engine, stream, { head: await restlessHead(), timing: { idleMs: 300 } });
    expect(await working).toEqual({ kind: 'idle', wakeInMs: expect.any(Number) as number });
    expect(await countsOf(engine, stream)).toEqual({ waiting: 1 });
  });
});

const claimed = async (engine: Engine) =>
  isOf(engine, await claimParked(db, { after: 0, to: await headOf() }));
const isOf = ({ destinationId }: Engine, woken: readonly { destinationId: string }[]) =>
  woken.some((stream) => stream.destinationId === destinationId);

/** Streams that are parked at the head; none else is. */
async function newParked(count: number) {
  await db.run(sql`update run set ended_at = now(), ended_as = 'cancelled' where ended_at is null`);
  await append({ db, source: await newSource(db) }, ['u1']); // beyond what was left out before
  const engines = await Promise.all(Array.from({ length: count }, () => newEngine(db)));
  const parked = await Promise.all(
    engines.map(async (engine) => ({ engine, stream: await connect(engine) })),
  );
  for (const { stream } of parked)
    await db.run(sql`update lane set state = 'parked', lease_revision = 1 where run_id = ${stream}`);
  return parked;
}

describe('a look at the parked streams', () => {
  test('wakes those that get something, moves the others to the head, and a replay is cut there', async () => {
    const [quiet, other, busy] = await newParked(3);
    const before = await headOf();
    await append(quiet!.engine, turns(4), { live: false }); // an import is not for streams
    const [first] = await append(busy!.engine, turns(2));
    await append({ db, source: await newSource(db) }, turns(5));
    const head = await headOf();
    const { woken, more } = await passParked(db, head);
    expect(more).toBe(false);
    expect([quiet, other, busy].map((one) => isOf(one!.engine, woken))).toEqual([false, false, true]);
    expect((await laneOf(busy!.stream)).mark).toBeLessThan(first!.position);
    for (const { stream } of [quiet!, other!]) {
      expect(await laneOf(stream)).toMatchObject({ state: 'parked', mark: head });
    }
    const replay = await runOf(quiet!.engine, await newReplay(quiet!.engine));
    expect(replay).toMatchObject({ toPosition: head, selected: 4 });
    expect(head).toBeGreaterThan(before);
    // What is woken is left alone for a while, and the others need no second look.
    expect(await passParked(db, head)).toEqual({ woken: [], more: false });
  });

  test('goes in stretches, and none of them is skipped', async () => {
    const [quiet, busy] = await newParked(2);
    await leaveOut(60_000);
    await append(busy!.engine, turns(1));
    const head = await headOf();
    const looks = [await passParked(db, head), await passParked(db, head)];
    expect(looks.map(({ more }) => more)).toEqual([true, false]);
    expect(looks.map(({ woken }) => isOf(busy!.engine, woken))).toEqual([false, true]);
    expect(looks.some(({ woken }) => isOf(quiet!.engine, woken))).toBe(false);
    expect((await laneOf(quiet!.stream)).mark).toBe(head);
    expect((await laneOf(busy!.stream)).mark).toBe(head - 10_001);
  });

  test('leaves a paused stream where it is, and one that is taken up at that moment', async () => {
    const [paused, taken] = await newParked(2);
    await setStreamDesired(db, paused!.engine.destinationId, 'paused');
    await db.run(sql`update lane set lease_revision = 2 where run_id = ${paused!.stream}`);
    const marks = async () =>
      await Promise.all([paused!, taken!].map(async ({ stream }) => (await laneOf(stream)).mark));
    const before = await marks();
    await append({ db, source: await newSource(db) }, turns(5));
    const locked = Promise.withResolvers<void>();
    const mayTake = Promise.withResolvers<void>();
    const taking = db.transaction(async (tx) => {
      await tx.rows(sql`select 1 from lane where run_id = ${taken!.stream} for no key update`);
      locked.resolve();
      await mayTake.promise;
      await tx.run(sql`
        update lane set state = 'ready', lease_released = false where run_id = ${taken!.stream}`);
    });
    await locked.promise;
    const look = passParked(db, await headOf());
    await lockAwaited(db);
    mayTake.resolve();
    await Promise.all([taking, look]);
    expect(await marks()).toEqual(before);
  });

  test('is what a taker sees: nothing selected lies between its mark and where it was moved', async () => {
    const [one] = await newParked(1);
    await append({ db, source: await newSource(db) }, turns(50));
    const [event] = await append(one!.engine, ['u1']);
    await passParked(db, event!.position - 1);
    expect(await take(db, one!.stream)).toMatchObject({ mark: event!.position - 1 });
  });
});

test('hundreds of parked streams are looked at by one reading of what is new', async () => {
  const parked = await newParked(250);
  const other = { db, source: await newSource(db) };
  await append(other, turns(2_000));
  const begun = performance.now();
  await passParked(db, await headOf());
  console.log(`250 parked streams passed 2,000 events in ${Math.round(performance.now() - begun)} ms`);
  const marks = await Promise.all(parked.map(async ({ stream }) => (await laneOf(stream)).mark));
  expect(new Set(marks)).toEqual(new Set([await headOf()]));
  await vi.waitFor(async () => expect((await passParked(db, await headOf())).woken).toEqual([]));
});
