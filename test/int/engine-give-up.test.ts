import { expect, test } from 'vitest';
import { askGiveUp, gaveUp } from '../../src/db/ask-give-up.ts';
import { readLanes } from '../../src/db/lanes.ts';
import { endRunIfDue } from '../../src/db/run-end.ts';
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
} from '../support/engine.ts';
import { comesDue, waitingOf, workUntilWaiting } from '../support/engine-waiting.ts';

const db = await testDatabase();

/** Thirty events of six users in turn, the first of `u1` failing; it has been set aside. */
async function newScene(open: typeof newReplay = newReplay) {
  const engine = await newEngine(db);
  const isStream = open !== newReplay;
  const early = isStream ? await open(engine) : null;
  const sent = await append(engine, turns(30, 6));
  const head = sent[1]!;
  engine.sink.answer = ({ messageId }) => (messageId === head.messageId ? 500 : 200);
  const run = early ?? (await open(engine));
  await workUntilWaiting(engine, run, 1);
  return { engine, sent, head, run };
}

const give = (run: string, positions: number[] | null = null) =>
  db.transaction((tx) => askGiveUp(tx, run, positions));

test('the lane tells what it waits for, and when it is given up on, all behind it go and the replay ends', async () => {
  const { engine, head, run } = await newScene();
  const [lane] = await readLanes(db, run);
  expect(lane).toMatchObject({ state: 'waiting', holder: null, waitingEvents: 5, failedDeliveries: 1 });
  expect(lane!.waiting[0]).toMatchObject({ position: head.position, errorClass: 'http_500', status: 500 });
  expect(lane!.next).toBeNull();

  expect(await give(run)).toBe('asked');
  expect(await gaveUp(db, run)).toBe(1);
  expect(await countsOf(engine, run)).toEqual({ delivered: 25, waiting: 4, dead: 1 });
  const ended = await runToEnd(engine, run);
  expect(ended.endedAs).toBe('completed_with_failures');
  expect(await countsOf(engine, run)).toEqual({ delivered: 29, dead: 1 });
  expect(engine.sink.taken().size).toBe(29);
  expect(ended.lanes[0]!.deadByClass).toEqual({ http_500: 1 });
  expect(await give(run)).toBe('ended');

  engine.sink.answer = () => 200;
  const again = await runToEnd(engine, await newReplay(engine, { mode: 'failed' }));
  expect(await countsOf(engine, again.id)).toEqual({ delivered: 1 });
});

test('another position, and what has never been tried, stay as they are', async () => {
  const { engine, sent, run } = await newScene();
  await give(run, [sent[0]!.position, sent[7]!.position]);
  expect(await gaveUp(db, run)).toBe(0);
  expect(await countsOf(engine, run)).toEqual({ delivered: 25, waiting: 5 });
  expect(await waitingOf(engine, run)).toHaveLength(5);
});

test('a holder is let finish what is in flight: what succeeds meanwhile is delivered, and not given up on', async () => {
  const { engine, head, run } = await newScene();
  await comesDue(engine, run);
  const answered = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  engine.sink.answer = ({ messageId }) => {
    if (messageId !== head.messageId) return 200;
    arrived.resolve();
    return { status: 200, after: answered.promise };
  };
  const working = runSlice(engine, run);
  await arrived.promise;
  expect(await give(run)).toBe('asked');
  expect(await gaveUp(db, run)).toBeNull();
  answered.resolve();
  expect(await working).toMatchObject({ kind: 'stopped' });
  await db.transaction((tx) => endRunIfDue(tx, run));
  expect(await gaveUp(db, run)).toBe(0);
  const ended = await runToEnd(engine, run);
  expect(ended.endedAs).toBe('completed');
  expect(await countsOf(engine, run)).toEqual({ delivered: 30 });
});

test('in a stream, too: it goes on in the same stretch, and what is given up on is its dead letter', async () => {
  const { engine, head, run } = await newScene(connect);
  await give(run, [head.position]);
  expect(await gaveUp(db, run)).toBe(1);
  await runSlice(engine, run);
  expect(await runOf(engine, run)).toMatchObject({ endedAt: null, givingUp: false });
  expect(await countsOf(engine, run)).toEqual({ delivered: 29, dead: 1 });
  const dead = await db.rows(sql`select position from dead_letter where run_id = ${run}`);
  expect(dead).toEqual([{ position: head.position }]);
});
