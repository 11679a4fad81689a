import {
  Client,
  ScheduleAlreadyRunning,
  ScheduleOverlapPolicy,
  WorkflowNotFoundError,
  type WorkflowExecutionStatusName,
} from '@temporalio/client';
import type { Config } from '../config.ts';
import { scheduled } from '../core/replay-status.ts';
import {
  fanOutScheduleId,
  fanOutWorkflowId,
  orchestrationQueue,
  replayWorkflowId,
  streamWorkflowId,
  wakeSignal,
  type ReplayInput,
} from '../workflows/messages.ts';
import { openConnection, temporalSettings } from './connection.ts';
import { describeNamespace, type NamespaceFacts } from './namespace.ts';
import { registerSearchAttributes, searchAttributesOf } from './search-attributes.ts';

/** What the rest of Reprise asks of Temporal. Each call is bounded in time and rejects when Temporal is away. */
export interface Orchestrator {
  /** Starts a replay's workflow; one that runs already stays. @param label its name, for Temporal's UI */
  startReplay(input: ReplayInput, label?: string | null): Promise<void>;
  /** Starts a destination's stream workflow; one that runs already stays. */
  startStream(destinationId: string): Promise<void>;
  /** Makes sure that fan-out runs and that its watchdog Schedule exists. */
  ensureFanOut(): Promise<void>;
  /** Tells a workflow that its run's row is worth reading again. False: no such workflow runs. */
  wake(workflowId: string): Promise<boolean>;
  /** What became of a workflow's newest execution; null: Temporal knows none. */
  statusOf(workflowId: string): Promise<WorkflowExecutionStatusName | null>;
  /** Rejects when Temporal does not answer. */
  check(): Promise<void>;
  /** The namespace, as far as the server tells. */
  namespace(): Promise<NamespaceFacts>;
  /** Where a person sees the workflow in Temporal's UI, null when its address is not known. */
  workflowUrl(workflowId: string): string | null;
  close(): Promise<void>;
}

const callDeadlineMs = 3_000;

/** Opens the connection lazily: this does not fail while Temporal is away. */
export function openOrchestrator(config: Config): Orchestrator {
  const settings = temporalSettings(config);
  const connection = openConnection(settings);
  const client = new Client({ connection, namespace: settings.namespace });
  const pending = new Set<Promise<unknown>>();
  const bounded = async <T>(work: () => Promise<T>): Promise<T> => {
    const call = connection.withDeadline(Date.now() + callDeadlineMs, work);
    pending.add(call);
    try {
      return await call;
    } finally {
      pending.delete(call);
    }
  };
  const uiUrl = config.TEMPORAL_UI_URL;
  return {
    startReplay: (input, label) => bounded(() => startReplay(client, input, label)),
    startStream: (destinationId) => bounded(() => startStream(client, destinationId)),
    ensureFanOut: async () => {
      await bounded(() => registerSearchAttributes(connection, settings.namespace));
      await bounded(() => startFanOut(client));
      await bounded(() => scheduleWatchdog(client));
    },
    wake: (workflowId) => bounded(() => wake(client, workflowId)),
    statusOf: (workflowId) => bounded(() => statusOf(client, workflowId)),
    namespace: () => bounded(() => describeNamespace(connection, settings.namespace)),
    check: () => bounded(async () => void (await connection.workflowService.getSystemInfo({}))),
    workflowUrl: (workflowId) =>
      uiUrl === undefined
        ? null
        : `${uiUrl.replace(/\/$/, '')}/namespaces/${settings.namespace}/workflows/${encodeURIComponent(workflowId)}`,
    close: async () => {
      // The SDK throws outside of any call when its connection is closed under one that it retries.
      await Promise.allSettled(pending);
      await connection.close();
    },
  };
}

/** Temporal refuses a summary of more than 400 bytes. */
const shownOfLabel = 50;

async function startReplay(client: Client, input: ReplayInput, label: string | null = null): Promise<void> {
  const name = label === null ? '' : `: ${label.slice(0, shownOfLabel).toWellFormed()}`;
  await client.workflow.start('replay', {
    workflowId: replayWorkflowId(input.destinationId, input.replayId),
    taskQueue: orchestrationQueue,
    args: [input],
    workflowIdConflictPolicy: 'USE_EXISTING',
    typedSearchAttributes: searchAttributesOf(
      input.destinationId,
      input.startsLater === true ? scheduled : 'running',
    ),
    staticSummary: `Replay ${input.replayId}${name}`,
    memo: { replayId: input.replayId, destinationId: input.destinationId },
  });
}

async function startStream(client: Client, destinationId: string): Promise<void> {
  await client.workflow.start('stream', {
    workflowId: streamWorkflowId(destinationId),
    taskQueue: orchestrationQueue,
    args: [{ destinationId }],
    workflowIdConflictPolicy: 'USE_EXISTING',
    typedSearchAttributes: searchAttributesOf(destinationId, 'running'),
    staticSummary: `Stream to ${destinationId}`,
    memo: { destinationId },
  });
}

async function startFanOut(client: Client): Promise<void> {
  await client.workflow.start('fanOut', {
    workflowId: fanOutWorkflowId,
    taskQueue: orchestrationQueue,
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: 'Keeps a workflow running for every stream and every open replay',
  });
}

/** A Schedule cannot own the fixed id, so it starts a watchdog whose activity starts fan-out again. */
async function scheduleWatchdog(client: Client): Promise<void> {
  try {
    await client.schedule.create({
      scheduleId: fanOutScheduleId,
      spec: { intervals: [{ every: '1m' }] },
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1m' },
      action: { type: 'startWorkflow', workflowType: 'watchFanOut', taskQueue: orchestrationQueue },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
}

async function wake(client: Client, workflowId: string): Promise<boolean> {
  try {
    await client.workflow.getHandle(workflowId).signal(wakeSignal);
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

async function statusOf(client: Client, workflowId: string): Promise<WorkflowExecutionStatusName | null> {
  try {
    return (await client.workflow.getHandle(workflowId).describe()).status.name;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

export { replayWorkflowId, streamWorkflowId };
