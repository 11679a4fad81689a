import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { startTemporal } from '../../src/dev/temporal.ts';
import { openOrchestrator, type Orchestrator } from '../../src/temporal/orchestrator.ts';
import { testFolder } from './folder.ts';

/** A Temporal server of this file's own, without workers: workflows start and stand still. */
export interface TestTemporal {
  readonly orchestrator: Orchestrator;
  /** Ends a workflow as a person does by hand. */
  readonly terminate: (workflowId: string) => Promise<void>;
  /** How many wake-ups a workflow's newest execution has got. */
  readonly wakes: (workflowId: string) => Promise<number>;
}

export async function testTemporal(): Promise<TestTemporal> {
  const server = await startTemporal({ dataDir: join(testFolder(), 'temporal') });
  afterAll(() => server.stop());
  const connection = await Connection.connect({ address: server.address });
  afterAll(() => connection.close());
  const orchestrator = openOrchestrator(readConfig({ TEMPORAL_ADDRESS: server.address }));
  afterAll(() => orchestrator.close());
  await orchestrator.ensureFanOut(); // makes the search attributes known
  const { workflow } = new Client({ connection });
  return {
    orchestrator,
    terminate: async (workflowId) => void (await workflow.getHandle(workflowId).terminate('by hand')),
    wakes: async (workflowId) => {
      const { events } = await workflow.getHandle(workflowId).fetchHistory();
      return (events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes != null).length;
    },
  };
}
