import { describe, expect, test } from 'vitest';
import { sumCounts } from '../../src/core/counts.ts';
import { disableDestination } from '../../src/db/destination-state.ts';
import { failRun } from '../../src/db/run-end.ts';
import { sql } from '../../src/db/sql.ts';
import { endStream } from '../../src/db/streams.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  connect,
  countsOf,
  destinationOf,
  newEngine,
  newReplay,
  runOf,
  runToEnd,
  take,
  turns,
  type Engine,
} from '../support/engine.ts';
import { waitingOf, workUntilWaiting } from '../support/engine-waiting.ts';

const db = await testDatabase();

/** Thirty events of six users through a stream or a replay; the five of `u1` wait, the others were delivered. */
async function newScene(kind: 'stream' | 'replay') {
  const engine = await newEngine(db);
  const stream = kind === 'stream' ? await connect(engine) : null;
  const sent = await append(engine, turns(30, 6));
  const head = sent[1]!;
  engine.sink.answer = ({ messageId }) => (messageId === head.messageId ? 500 : 200);
  const run = stream ?? (await newReplay(engine));
  await workUntilWaiting(engine, run, 1);
  expect(await waitingOf(engine, run)).toHaveLength(5);
  engine.sink.answer = () => 200;
  return { engine, run, own: sent.filter(({ userId }) => userId === 'u1') };
}

/** Nothing of a run that has ended waits; what did is missing, and the next replay sends just that, in its order. */
async function expectMissing({ engine, run, own }: Awaited<ReturnType<typeof newScene>>): Promise<void> {
  expect(await waitingOf(engine, run)).toEqual([]);
  const { lanes } = await runOf(engine, run);
  expect(sumCounts(lanes.map(({ counts }) => counts))).toEqual({
    events: { delivered: 25 },
    byAction: { [engine.actions[0]!]: { delivered: 25 } },
    reasons: {},
  });
  const before = engine.sink.arrivals.length;
  const next = await newReplay(engine);
  await runToEnd(engine, next);
  expect(engine.sink.arrivals.slice(before).map(({ messageId }) => messageId)).toEqual(
    own.map(({ messageId }) => messageId),
  );
  expect(await countsOf(engine, next)).toEqual({ delivered: 5, alreadyDelivered: 25 });
}

async function disable({ destinationId }: Engine): Promise<void> {
  await db.transaction((tx) => endStream(tx, destinationId, 'destination_disabled'));
}

describe('what waits is missing again, with those behind it,', () => {
  test('when its replay fails', async () => {
    const scene = await newScene('replay');
    await db.transaction((tx) => failRun(tx, scene.run, 'workflow_terminated'));
    expect(await runOf(scene.engine, scene.run)).toMatchObject({ endedAs: 'failed' });
    await expectMissing(scene);
  });

  test('when its stream is disabled', async () => {
    const scene = await newScene('stream');
    await disable(scene.engine);
    expect(await runOf(scene.engine, scene.run)).toMatchObject({ endedAs: 'cancelled' });
    await expectMissing(scene);
  });

  test('when its destination wants no more events, and is enabled later', async () => {
    const scene = await newScene('stream');
    const { destinationId } = scene.engine;
    await disableDestination(db, await destinationOf(scene.engine), 'gone');
    await db.run(
      sql`update destination set enabled = true, disabled_reason = null where id = ${destinationId}`,
    );
    await expectMissing(scene);
  });

  test('not before the worker that holds the lane has let it go', async () => {
    const scene = await newScene('stream');
    const { engine, run } = scene;
    await take(db, run);
    await disable(engine);
    expect(await runOf(engine, run)).toMatchObject({ endedAt: null });
    expect(await waitingOf(engine, run)).toHaveLength(5);
    await db.run(sql`update lane set lease_released = true where run_id = ${run}`);
    await disable(engine);
    await expectMissing(scene);
  });
});
