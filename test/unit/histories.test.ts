import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkflowBundle } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, test } from 'vitest';
import * as workflows from '../../src/workflows/index.ts';

const folder = new URL('../histories/', import.meta.url);
const recorded = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => {
    const history = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as { events: HistoryEvent[] };
    const started = history.events[0]?.workflowExecutionStartedEventAttributes;
    return { name: file.replace('.json', ''), history, type: started?.workflowType.name ?? '' };
  });

interface HistoryEvent {
  readonly workflowExecutionStartedEventAttributes?: { readonly workflowType: { readonly name: string } };
}

// A replay that fails is what half of these tests are for; the SDK would tell of each at length.
const logger = new DefaultLogger('ERROR', () => undefined);
let current: WorkflowBundle;
let changed: WorkflowBundle;

beforeAll(async () => {
  Runtime.install({
    logger,
    telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
  });
  current = await bundle('../../src/workflows/index.ts');
  changed = await bundle('../support/changed-workflows.ts');
}, 120_000);

test('every workflow has a recorded history', () => {
  expect(new Set(recorded.map(({ type }) => type))).toEqual(new Set(Object.keys(workflows)));
});

describe.each(recorded)('$name', ({ history }) => {
  test('what ran then fits the workflows of today', async () => {
    await Worker.runReplayHistory({ workflowBundle: current }, history);
  });

  test('it does not fit a changed workflow, so a change would be seen', async () => {
    await expect(Worker.runReplayHistory({ workflowBundle: changed }, history)).rejects.toThrow(
      DeterminismViolationError,
    );
  });
});

async function bundle(entry: string): Promise<WorkflowBundle> {
  return await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL(entry, import.meta.url)),
    logger,
  });
}
