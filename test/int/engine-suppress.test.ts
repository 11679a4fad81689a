import { expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { lift, suppress, suppressionHeard } from '../../src/db/suppressions.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  countsOf,
  newEngine,
  newReplay,
  runSlice,
  runToEnd,
  senderOf,
  turns,
  type Engine,
} from '../support/engine.ts';
import { fullFlight } from '../support/engine-flight.ts';
import { lockAwaited, newGate, watchedDatabase } from '../support/engine-faults.ts';
import { waitingOf, workUntilWaiting } from '../support/engine-waiting.ts';
import { until } from '../support/until.ts';

const db = await testDatabase();

const forbid = async (userId: string) => {
  const ids = [{ userId, anonymousId: null }];
  const [made] = await db.transaction((tx) => suppress(tx, { ids, reason: null }));
  return made!;
};

/** Waits as the API does until nobody works with less than a revision. @returns how many events had come in then */
async function acknowledged(engine: Engine, revision: number): Promise<number> {
  await until('it is heard', () => suppressionHeard(db, revision), Boolean, { everyMs: 5 });
  return engine.sink.arrivals.length;
}

const arrivalsOf = (engine: Engine, user: string, from = 0) =>
  engine.sink.arrivals.slice(from).filter(({ userId }) => userId === user).length;

test('nothing starts after the acknowledgement, of a replay in full flight either; others go on', async () => {
  const { engine, run, slice } = await fullFlight(db, 'flight', { events: 4_000, arrived: 400 });

  const { revision } = await forbid('flight-3');
  const before = await acknowledged(engine, revision);
  await slice;

  expect(arrivalsOf(engine, 'flight-3', before)).toBe(0);
  const sent = arrivalsOf(engine, 'flight-3');
  expect(sent).toBeLessThan(450);
  expect(arrivalsOf(engine, 'flight-4')).toBe(500);
  expect(await countsOf(engine, run)).toEqual({ delivered: 3_500 + sent, suppressed: 500 - sent });
});

test('what a connection has not taken yet when it is acknowledged never leaves', async () => {
  const engine = await newEngine(db, { settings: { concurrency: 1 } });
  await append(engine, ['queued']);
  const inner = await senderOf(engine);
  const gate = newGate();
  gate.close();
  const held = Promise.withResolvers<void>();
  const sender = {
    ...inner,
    send: async (...args: Parameters<typeof inner.send>) => {
      held.resolve();
      await gate.pass(); // as if it were connecting
      return await inner.send(...args);
    },
  };
  const slice = runSlice(engine, await newReplay(engine), { sender });
  await held.promise;
  const { revision } = await forbid('queued');
  await acknowledged(engine, revision);
  gate.open();
  await slice;
  expect(engine.sink.arrivals).toEqual([]);
});

test('is counted, sets no bit, and what was not sent is missing again once it is lifted', async () => {
  const engine = await newEngine(db);
  await append(engine, ['lifted', 'other', 'lifted']);
  const { id } = await forbid('lifted');
  const run = await newReplay(engine);
  await runToEnd(engine, run);
  expect(await countsOf(engine, run)).toEqual({ delivered: 1, suppressed: 2 });

  await db.transaction((tx) => lift(tx, id));
  const next = await newReplay(engine);
  await runToEnd(engine, next);
  expect(await countsOf(engine, next)).toEqual({ alreadyDelivered: 1, delivered: 2 });
  expect(arrivalsOf(engine, 'lifted')).toBe(2);
});

test('a delivery that waits for its next try is not tried again', async () => {
  const engine = await newEngine(db);
  await append(engine, ['waits', 'passes']);
  engine.sink.answer = ({ userId }) => (userId === 'waits' ? 500 : 200);
  const run = await newReplay(engine);
  await workUntilWaiting(engine, run, 1);
  const tries = arrivalsOf(engine, 'waits');
  await forbid('waits');
  await db.run(sql`update waiting_delivery set due_at = now() where run_id = ${run}`);

  await runToEnd(engine, run);

  expect(arrivalsOf(engine, 'waits')).toBe(tries);
  expect(await countsOf(engine, run)).toEqual({ delivered: 1, suppressed: 1 });
  expect(await waitingOf(engine, run)).toEqual([]);
});

test('who takes a lane at that moment is waited for, or knows of it', async () => {
  const engine = await newEngine(db);
  await append(
    engine,
    turns(40, 2).map((user) => `taker-${user}`),
  );
  engine.sink.answer = () => ({ status: 200, afterMs: 20 });
  const gate = newGate();
  const taking = Promise.withResolvers<void>();
  gate.close();
  const watched = watchedDatabase(db, async ({ at }) => {
    if (at !== 'commit') return;
    taking.resolve();
    await gate.pass();
  });
  const run = await newReplay(engine);
  const slice = runSlice(engine, run, { db: watched });
  await taking.promise; // its lease is written and nobody sees it yet

  const suppressing = forbid('taker-u0');
  await lockAwaited(db);
  gate.open();
  const { revision } = await suppressing;
  const before = await acknowledged(engine, revision);
  await slice;
  expect(arrivalsOf(engine, 'taker-u0', before)).toBe(0);
});
