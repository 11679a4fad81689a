import { expect, test } from 'vitest';
import { settleCanary } from '../../src/db/canary.ts';
import { setReplayDesired } from '../../src/db/replays.ts';
import { endRunIfDue } from '../../src/db/run-end.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  countsOf,
  newEngine,
  newReplay,
  runSlice,
  runToEnd,
  turns,
  type Engine,
} from '../support/engine.ts';
import { statusOf } from '../support/engine-waiting.ts';

const db = await testDatabase();

const standing = async (engine: Engine, run: string) => {
  const { status, statusReason } = await statusOf(engine, run);
  return [status, statusReason];
};

test('the first events go alone; a person who resumes lets the others follow', async () => {
  const engine = await newEngine(db);
  const sent = await append(engine, turns(200, 20));
  const run = await newReplay(engine, { canary: { events: 30 } });

  expect(await runSlice(engine, run)).toEqual({ kind: 'canary' });
  expect(engine.sink.arrivals.map(({ messageId }) => messageId).toSorted()).toEqual(
    sent
      .slice(0, 30)
      .map(({ messageId }) => messageId)
      .toSorted(),
  );
  expect(await settleCanary(db, run)).toBe(false);
  expect(await standing(engine, run)).toEqual(['paused', 'canary']);
  expect(await countsOf(engine, run)).toEqual({ delivered: 30 });

  await setReplayDesired(db, run, 'running');
  expect((await runToEnd(engine, run)).endedAs).toBe('completed');
  expect(await countsOf(engine, run)).toEqual({ delivered: 200 });
  expect([...engine.sink.taken().values()].every((times) => times === 1)).toBe(true);
});

test('only what has to be sent counts among the first, and a slice that ends early is continued', async () => {
  const engine = await newEngine(db);
  const sent = await append(engine, turns(100, 10));
  await runToEnd(engine, await newReplay(engine, { range: { by: 'position', to: sent[49]!.position } }));
  const run = await newReplay(engine, { canary: { events: 20 } });
  engine.sink.answer = () => ({ status: 200, afterMs: 30 });
  const before = engine.sink.arrivals.length;
  expect(await runSlice(engine, run, { timing: { sliceMs: 40 } })).toEqual({ kind: 'more' });
  expect(await runSlice(engine, run)).toEqual({ kind: 'canary' });
  expect(engine.sink.arrivals.length - before).toBe(20);
  expect(await countsOf(engine, run)).toEqual({ alreadyDelivered: 50, delivered: 20 });
});

test('lanes share the first events, and the last of them decides for all', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(400, 100));
  const run = await newReplay(engine, {
    canary: { events: 40, then: 'continue' },
    pace: { lanes: 4 },
  });
  for (const lane of [0, 1, 2]) {
    expect(await runSlice(engine, run, { lane })).toEqual({ kind: 'canary' });
    expect(await settleCanary(db, run)).toBe(false);
    expect(await standing(engine, run)).toEqual(['running', null]);
  }
  expect(await runSlice(engine, run, { lane: 3 })).toEqual({ kind: 'canary' });
  expect(engine.sink.arrivals).toHaveLength(40);
  expect(await settleCanary(db, run)).toBe(true);
  expect(await settleCanary(db, run)).toBe(false);
  expect((await runToEnd(engine, run)).endedAs).toBe('completed');
  expect(await countsOf(engine, run)).toEqual({ delivered: 400 });
});

test.each(['approve', 'continue'] as const)(
  'a canary that does not go well stops the replay, whatever was to follow: %s',
  async (then) => {
    const engine = await newEngine(db);
    const sent = await append(engine, turns(60, 10));
    engine.sink.answer = ({ messageId }) => (messageId === sent[3]!.messageId ? 400 : 200);
    const run = await newReplay(engine, { canary: { events: 10, then } });
    expect(await runSlice(engine, run)).toEqual({ kind: 'canary' });
    expect(await settleCanary(db, run)).toBe(false);
    expect(await standing(engine, run)).toEqual(['paused', 'canary_failed']);
    expect(await countsOf(engine, run)).toEqual({ delivered: 9, dead: 1 });
  },
);

test('a replay that has fewer events than its canary just ends', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(5));
  const run = await newReplay(engine, { canary: { events: 100 } });
  expect(await runSlice(engine, run)).toEqual({ kind: 'done' });
  expect(await settleCanary(db, run)).toBe(false);
  expect(await standing(engine, run)).toEqual(['running', null]);
  const ended = await db.transaction((tx) => endRunIfDue(tx, run));
  expect(ended).toMatchObject({ endedAs: 'completed', statusReason: null });
  expect(await countsOf(engine, run)).toEqual({ delivered: 5 });
});
