import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client';
import { afterAll, expect, test } from 'vitest';
import { startTemporal } from '../../src/dev/temporal.ts';
import { fanOutScheduleId, fanOutWorkflowId } from '../../src/workflows/messages.ts';
import { testDatabase } from '../support/database.ts';
import { startProcess } from '../support/processes.ts';
import { makeProductFolder } from '../support/product.ts';
import { until } from '../support/until.ts';

const folder = makeProductFolder();
const server = await startTemporal({ dataDir: join(folder.path, 'temporal') });
const connection = await Connection.connect({ address: server.address });
const client = new Client({ connection });
afterAll(async () => {
  await connection.close();
  await server.stop();
  folder.remove();
});
const db = await testDatabase();

const start = (role: 'delivery' | 'orchestration') =>
  startProcess(new URL(`../../src/workers/${role}.ts`, import.meta.url), {
    DATABASE_URL: db.url,
    TEMPORAL_ADDRESS: server.address,
    REPRISE_SECRET_KEY: randomBytes(32).toString('base64'),
  });

/** The execution of fan-out that runs now, null when none does. */
async function running(): Promise<string | null> {
  try {
    const { status, runId } = await client.workflow.getHandle(fanOutWorkflowId).describe();
    return status.name === 'RUNNING' ? runId : null;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

test('a delivery process alone starts fan-out and the Schedule that watches it', async () => {
  expect(await running()).toBeNull();
  await start('delivery').ready;
  await until('fan-out runs', running, (runId) => runId !== null);
  const schedule = client.schedule.getHandle(fanOutScheduleId);
  const { action, spec } = await until(
    'the Schedule is there',
    () => schedule.describe().catch(() => null),
    (described) => described !== null,
  ).then((described) => described!);
  expect(action).toMatchObject({ type: 'startWorkflow', workflowType: 'watchFanOut' });
  expect(spec.intervals).toMatchObject([{ every: 60_000 }]);
});

test('a fan-out that somebody terminates is started again by its Schedule', async () => {
  await start('orchestration').ready; // works it; what it does at its boot is done
  const before = await running();
  await client.workflow.getHandle(fanOutWorkflowId).terminate('by hand');
  await client.schedule.getHandle(fanOutScheduleId).trigger(); // as it does each minute
  const after = await until('fan-out runs again', running, (runId) => runId !== null);
  expect(after).not.toBe(before);
});
