import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { describe, expect, test } from 'vitest';
import { createOrchestrateActivities } from '../../src/activities/orchestrate.ts';
import { readOpenRuns } from '../../src/db/open-runs.ts';
import { countReplay } from '../../src/db/replay-count.ts';
import { forgetAccount } from '../../src/db/streams.ts';
import type { Orchestrator } from '../../src/temporal/orchestrator.ts';
import { testDatabase } from '../support/database.ts';
import { append, countsOf, newEngine, newReplay, runOf, runToEnd, turns } from '../support/engine.ts';
import {
  cancel,
  die,
  kinds,
  marked,
  ofKind,
  open,
  overAtOnce,
  retried,
  withDead,
} from '../support/engine-letters.ts';
import { watchedDatabase } from '../support/engine-faults.ts';
import { statusOf } from '../support/engine-waiting.ts';

const db = await testDatabase();

/** So many letters are marked by one statement. */
const window = 2_000;
const all = () => true;

/** The activity in which a workflow has them marked, with as much of Temporal's context as it uses. */
function newActivity(onHeartbeat: (times: number) => void = () => undefined) {
  const stopping = new AbortController();
  let heartbeats = 0;
  const context = {
    cancellationSignal: stopping.signal,
    heartbeat: () => onHeartbeat(++heartbeats),
  } as unknown as Context;
  const orchestrator = {} as Orchestrator; // counting asks nothing of it
  const activities = createOrchestrateActivities({ db, orchestrator });
  return {
    run: (runId: string) => asyncLocalStorage.run(context, () => activities.countReplay({ runId })),
    stop: () => stopping.abort(new Error('the worker stops')),
    heartbeats: () => heartbeats,
  };
}

describe('a retry of more than there is time to mark before the answer', () => {
  test('has them in its hands at once, and sends exactly them when all are marked', async () => {
    const { engine, positions } = await withDead(db, kinds(20));
    const run = await retried(engine, { errorClass: 'b' }, 0);
    const theirs = ofKind(positions, 'b');
    expect(await runOf(engine, run)).toMatchObject({ selected: 0, selectedExact: false, takesUp: true });
    expect(await statusOf(engine, run)).toMatchObject({ status: 'running', statusReason: 'taking_up' });
    expect((await readOpenRuns(db)).find(({ runId }) => runId === run)).toMatchObject({ takesUp: true });
    expect(await open(engine)).toEqual(ofKind(positions, 'a'));
    expect(await marked(engine, run)).toEqual([]);
    await newActivity().run(run);
    expect(await marked(engine, run)).toEqual(theirs);
    const [first, last] = [theirs[0]!, theirs.at(-1)!];
    expect(await runOf(engine, run)).toMatchObject({
      selected: 10,
      selectedExact: true,
      takesUp: false,
      fromPosition: first,
      toPosition: last,
      lanes: [{ mark: first - 1 }],
    });
    expect(await statusOf(engine, run)).not.toMatchObject({ statusReason: 'taking_up' });
    await runToEnd(engine, run);
    expect(await countsOf(engine, run)).toEqual({ delivered: 10 });
    expect(engine.sink.arrivals).toHaveLength(10);
    expect(await open(engine)).toEqual(ofKind(positions, 'a'));
  });

  test('marks window after window, and whoever marks beside it marks nothing twice', async () => {
    const { engine, positions } = await withDead(db, kinds(3 * window));
    const run = await retried(engine, {}, 1);
    expect(await runOf(engine, run)).toMatchObject({ selected: window, selectedExact: false });
    const counted = await Promise.all([1, 2, 3].map(() => countReplay(db, run, all)));
    expect(counted).toEqual([true, true, true]);
    expect(await marked(engine, run)).toEqual(positions);
    expect(await runOf(engine, run)).toMatchObject({ selected: 3 * window, selectedExact: true });
  });

  test('that is for nothing in the end is completed with nothing', async () => {
    const { engine } = await withDead(db, kinds(4));
    const run = await retried(engine, { errorClass: 'c' }, 0);
    expect(await countReplay(db, run, all)).toBe(true);
    expect(await runToEnd(engine, run)).toMatchObject({ selected: 0, endedAs: 'completed' });
    expect(engine.sink.arrivals).toEqual([]);
  });

  test('goes on where a worker stopped that was marking', async () => {
    const { engine, positions } = await withDead(db, kinds(3 * window));
    const run = await retried(engine, {}, 0);
    const first = newActivity((times) => times === 2 && first.stop());
    await expect(first.run(run)).rejects.toThrow('the worker stops');
    expect(await runOf(engine, run)).toMatchObject({ selected: window, selectedExact: false });
    const second = newActivity();
    await second.run(run);
    expect(second.heartbeats()).toBeGreaterThan(2);
    expect(await marked(engine, run)).toEqual(positions);
    expect(await runOf(engine, run)).toMatchObject({ selected: 3 * window, selectedExact: true });
  });

  test('is none the worse for a crash at any moment of it', async () => {
    const { engine, positions } = await withDead(db, kinds(10));
    const runs = [];
    for (let at = 1, crashed = true; crashed; at++) {
      const run = await retried(engine, {}, 0);
      let moments = 0;
      const mortal = watchedDatabase(db, () => {
        if (++moments === at) throw new Error('killed');
      });
      const fate = await countReplay(mortal, run, all).catch((error: Error) => error.message);
      crashed = fate === 'killed';
      expect(await countReplay(db, run, all)).toBe(true);
      expect(await marked(engine, run)).toEqual(positions);
      expect(await runOf(engine, run)).toMatchObject({
        selected: 10,
        selectedExact: true,
        lanes: [{ mark: positions[0]! - 1 }],
      });
      await cancel(engine, run);
      runs.push(run);
    }
    expect(runs.length).toBeGreaterThan(10);
  });
});

describe('exactly what was open when the retry was asked for', () => {
  test('not what dies while it marks, but what dies once more', async () => {
    const { engine, positions, parent } = await withDead(db, kinds(4));
    const [later] = (await append(engine, ['u1'])).map(({ position }) => position);
    const run = await retried(engine, {}, 0);
    await die(engine, parent, [later!], ['a']);
    const again = await overAtOnce(engine); // whatever sent it meanwhile
    await die(engine, again, [positions[1]!], ['b']);
    await countReplay(db, run, all);
    expect(await marked(engine, run)).toEqual(positions);
    expect(await open(engine)).toEqual([positions[1], later]);
  });

  test('not what a replay had in its hands that has let go since, be it for another one', async () => {
    const { engine, positions } = await withDead(db, kinds(8));
    const first = await retried(engine, { errorClass: 'a' });
    const second = await retried(engine, {}, 0);
    await cancel(engine, first);
    expect(await open(engine)).toEqual(ofKind(positions, 'a'));
    const third = await retried(engine);
    expect(await marked(engine, third)).toEqual(ofKind(positions, 'a'));
    await countReplay(db, second, all);
    expect(await marked(engine, second)).toEqual(ofKind(positions, 'b'));
    expect(await marked(engine, third)).toEqual(ofKind(positions, 'a'));
  });

  test('each letter once, by whichever of several retries came first, in whatever order they mark', async () => {
    const { engine, positions } = await withDead(db, kinds(8));
    const first = await retried(engine, { errorClass: 'a' }, 0);
    const second = await retried(engine, {}, 0);
    expect(await open(engine)).toEqual([]);
    const third = await retried(engine, {}, 0);
    await countReplay(db, third, all);
    await countReplay(db, second, all);
    await countReplay(db, first, all);
    expect(await marked(engine, first)).toEqual(ofKind(positions, 'a'));
    expect(await marked(engine, second)).toEqual(ofKind(positions, 'b'));
    expect(await marked(engine, third)).toEqual([]);
  });

  test('what was broken off is open again, and not for those who were asked before', async () => {
    const { engine, positions } = await withDead(db, kinds(8));
    const first = await retried(engine, { errorClass: 'a' }, 0);
    const second = await retried(engine, {}, 0);
    await cancel(engine, first);
    expect(await open(engine)).toEqual(ofKind(positions, 'a'));
    const third = await retried(engine, {}, 0);
    await countReplay(db, third, all);
    await countReplay(db, second, all);
    expect(await marked(engine, third)).toEqual(ofKind(positions, 'a'));
    expect(await marked(engine, second)).toEqual(ofKind(positions, 'b'));
  });

  test('not what a new account lacks beside', async () => {
    const engine = await newEngine(db);
    const sent = await append(engine, turns(6));
    const [refused, ...others] = sent;
    engine.sink.answer = ({ messageId }) => (messageId === refused!.messageId ? 400 : 200);
    const parent = await newReplay(engine);
    await runToEnd(engine, parent);
    const delivered = others.map(({ position }) => position);
    const earlier = await overAtOnce(engine);
    await die(
      engine,
      earlier,
      delivered,
      delivered.map(() => 'a'),
    ); // settled by the bits of the first
    const run = await retried(engine, {}, 0);
    await db.transaction((tx) => forgetAccount(tx, engine.destinationId));
    await countReplay(db, run, all);
    expect(await marked(engine, run)).toEqual([refused!.position]);
  });
});

describe('a retry that is cancelled while it marks', () => {
  test('marks no more, and leaves nothing that cannot be retried', { timeout: 120_000 }, async () => {
    const { engine, positions } = await withDead(db, kinds(3 * window));
    const run = await retried(engine, {}, 1);
    let windows = 0;
    const cancelling = watchedDatabase(db, async ({ at, text }) => {
      // It was looked at before; the cancel comes first all the same.
      if (at === 'before' && text.includes('update dead_letter') && ++windows === 2)
        await cancel(engine, run);
    });
    expect(await countReplay(cancelling, run, all)).toBe(false);
    await newActivity().run(run);
    expect(await marked(engine, run)).toEqual(positions.slice(0, 2 * window));
    expect(await runOf(engine, run)).toMatchObject({ endedAs: 'cancelled', selected: 2 * window });
    expect(await open(engine)).toEqual(positions);
    const next = await retried(engine);
    expect(await runOf(engine, next)).toMatchObject({ selected: positions.length, selectedExact: true });
  });

  test('before it has begun gives up what it has not marked, too', async () => {
    const { engine, positions } = await withDead(db, kinds(4));
    const running = await newReplay(engine, { range: { by: 'position', to: 1 } });
    const run = await retried(engine, {}, 0);
    expect(await statusOf(engine, run)).toMatchObject({ status: 'planned' });
    expect(await open(engine)).toEqual([]);
    await cancel(engine, run);
    expect(await open(engine)).toEqual(positions);
    await cancel(engine, running);
  });
});

test('a retry that waits for its turn marks when it has come', async () => {
  const { engine, positions } = await withDead(db, kinds(4));
  const running = await newReplay(engine, { range: { by: 'position', to: positions[0] } });
  const run = await retried(engine, {}, 0);
  await runToEnd(engine, running); // delivers the first of them
  expect((await readOpenRuns(db)).find(({ runId }) => runId === run)).toMatchObject({ takesUp: true });
  await countReplay(db, run, all);
  expect(await marked(engine, run)).toEqual(positions.slice(1));
  expect(await runToEnd(engine, run)).toMatchObject({ selected: 3, endedAs: 'completed' });
  expect(engine.sink.arrivals).toHaveLength(4);
});
