import { expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { watchHead, type HeadWatch } from '../../src/db/head-watch.ts';
import { sql } from '../../src/db/sql.ts';
import { createLogger } from '../../src/log.ts';
import { startWaker } from '../../src/workers/waker.ts';
import { streamWorkflowId } from '../../src/workflows/messages.ts';
import { testDatabase } from '../support/database.ts';
import { append, connect, newEngine, runOf, runToEnd, turns, type Engine } from '../support/engine.ts';
import { testTemporal } from '../support/temporal-server.ts';
import { until } from '../support/until.ts';

const db = await testDatabase();
const { orchestrator, terminate, wakes } = await testTemporal();
const log = createLogger(readConfig({ REPRISE_LOG_LEVEL: 'silent' }), 'test');

/** It takes a second and a half; without the waker a stream looks by itself after five minutes. */
const deadlineMs = 20_000;

/** A stream that is parked at the head, with its workflow. */
async function newParked(): Promise<{ engine: Engine; stream: string; workflowId: string }> {
  const engine = await newEngine(db);
  const stream = await connect(engine);
  await append(engine, turns(3));
  await runToEnd(engine, stream);
  expect((await runOf(engine, stream)).lanes[0]).toMatchObject({ state: 'parked' });
  await orchestrator.startStream(engine.destinationId);
  return { engine, stream, workflowId: streamWorkflowId(engine.destinationId) };
}

/** The head as a delivery process follows it. @param deaf hears of no append */
function wakeFrom(deaf = false): void {
  const watch = watchHead(db);
  const head: HeadWatch = deaf
    ? {
        get head() {
          return watch.head;
        },
        onRise: () => () => undefined,
        close: () => watch.close(),
      }
    : watch;
  const stop = startWaker(db, head, orchestrator, log);
  onTestFinished(async () => {
    await stop();
    await watch.close();
  });
}

const woken = (workflowId: string, times: number) =>
  until(
    'it is woken',
    () => wakes(workflowId),
    (seen) => seen === times,
    { deadlineMs },
  );

test.each([
  ['an event', false],
  ['an event of whose append no word came', true],
])('a parked stream is woken by %s, and another one is left alone', async (_, deaf) => {
  const [one, other] = [await newParked(), await newParked()];
  wakeFrom(deaf);
  await append(one.engine, turns(1));
  await woken(one.workflowId, 1);
  await runToEnd(one.engine, one.stream); // as the workflow does, once it is woken
  await append(one.engine, turns(1));
  await woken(one.workflowId, 2);
  expect(await wakes(other.workflowId)).toBe(0);
});

test('a parked stream is woken when a retry comes due', async () => {
  const { stream, workflowId } = await newParked();
  wakeFrom();
  await db.run(sql`update lane set wake_at = clock_timestamp() + interval '500 ms' where run_id = ${stream}`);
  await woken(workflowId, 1);
});

test('one whose workflow is gone is started', async () => {
  const { engine, workflowId } = await newParked();
  await terminate(workflowId);
  wakeFrom();
  await append(engine, turns(1));
  await until(
    'it runs again',
    () => orchestrator.statusOf(workflowId),
    (status) => status === 'RUNNING',
    { deadlineMs },
  );
});
