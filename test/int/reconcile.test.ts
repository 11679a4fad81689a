import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { expect, test } from 'vitest';
import { createOrchestrateActivities } from '../../src/activities/orchestrate.ts';
import { setReplayPace } from '../../src/db/replays.ts';
import { sql } from '../../src/db/sql.ts';
import { replayWorkflowId } from '../../src/workflows/messages.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  ask,
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
import { newGate } from '../support/engine-faults.ts';
import { testTemporal } from '../support/temporal-server.ts';

const db = await testDatabase();
const { orchestrator, terminate, wakes } = await testTemporal();

/** One round, with as much of Temporal's context around it as it uses. */
async function reconcile(full: boolean): Promise<void> {
  const context = { heartbeat: () => undefined } as unknown as Context;
  const activities = createOrchestrateActivities({ db, orchestrator });
  await asyncLocalStorage.run(context, () => activities.reconcile({ full }));
}

/** A replay with its workflow. */
async function newDriven(engine: Engine, lanes = 1): Promise<{ run: string; workflowId: string }> {
  const { destinationId } = engine;
  const run = await newReplay(engine, { pace: { lanes } });
  await orchestrator.startReplay({ destinationId, replayId: run, lanes, takesUp: false });
  return { run, workflowId: replayWorkflowId(destinationId, run) };
}

test('a replay whose workflow is terminated fails when its slice has drained: nothing arrives that is not counted', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(10, 10));
  const gate = newGate();
  gate.close();
  engine.sink.answer = () => ({ status: 200, after: gate.pass() });
  const { run, workflowId } = await newDriven(engine);
  const stopping = new AbortController();
  const working = runSlice(engine, run, { signal: stopping.signal, timing: { drainMs: 10_000 } });
  await engine.sink.arrived(10);
  await terminate(workflowId);
  await reconcile(true);
  expect(await runOf(engine, run)).toMatchObject({ endedAt: null });
  expect((await ask(engine)).kind).toBe('replay_running');
  stopping.abort(); // as the next heartbeat tells it
  gate.open();
  await working;
  await reconcile(false);
  expect(await runOf(engine, run)).toMatchObject({
    endedAs: 'failed',
    statusReason: 'workflow_terminated',
  });
  expect(await countsOf(engine, run)).toEqual({ delivered: 10 });
  const next = await newReplay(engine);
  await runToEnd(engine, next);
  expect(await countsOf(engine, next)).toEqual({ alreadyDelivered: 10 });
  expect(engine.sink.arrivals).toHaveLength(10);
});

test('a workflow is woken for a wish that one of its lanes has not heard, although another lane is worked', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(20));
  const { run, workflowId } = await newDriven(engine, 2);
  await take(db, run, 0);
  await take(db, run, 1);
  await reconcile(false);
  expect(await wakes(workflowId)).toBe(0);
  await db.run(sql`update lane set lease_released = true where run_id = ${run} and lane = 1`);
  await setReplayPace(db, run, { eventsPerSecond: 100 });
  await reconcile(false);
  expect(await wakes(workflowId)).toBe(1);
  await reconcile(false);
  expect(await wakes(workflowId)).toBe(1); // once a minute
});
