import { defineSearchAttributeKey } from '@temporalio/common';
import { defineSignal } from '@temporalio/workflow';

/** Desired state lives in the run's row; this only says that it is worth reading again. */
export const wakeSignal = defineSignal('wake');

/** Search attributes: by which people filter workflows in Temporal's UI. */
export const destinationAttribute = defineSearchAttributeKey('RepriseDestination', 'KEYWORD');
export const stateAttribute = defineSearchAttributeKey('RepriseState', 'KEYWORD');

/** Task queues: live slices have their own, so that a stream never waits for a replay. */
export const orchestrationQueue = 'orchestration';
export const liveQueue = 'deliver-live';
export const replayQueue = 'deliver-replay';

export const fanOutWorkflowId = 'fan-out';
export const fanOutScheduleId = 'fan-out-watch';

/** One workflow per replay. */
export function replayWorkflowId(destinationId: string, replayId: string): string {
  return `replay/${destinationId}/${replayId}`;
}

/** One endless workflow per enabled destination. */
export function streamWorkflowId(destinationId: string): string {
  return `stream/${destinationId}`;
}

export interface ReplayInput {
  readonly destinationId: string;
  readonly replayId: string;
  readonly lanes: number;
  /** The dead letters that it takes up are marked before a lane looks for them. Executions of old lack it. */
  readonly takesUp: boolean;
  /** It is planned for a time of its own, and waits for it. Executions of old lack it. */
  readonly startsLater?: true;
}

export interface StreamInput {
  readonly destinationId: string;
}

/** One activity works one lane for a bounded time. */
export interface SliceInput {
  readonly runId: string;
  readonly lane: number;
}

/** What a slice leaves; cursors are decimal strings, times RFC 3339. */
export interface SliceResult {
  /**
   * more: go on at once · done: nothing left in the lane · idle: a stream at the head · held: the destination is down
   * · waiting: only events that wait for their next try · stopped: paused
   */
  readonly next: 'more' | 'done' | 'idle' | 'held' | 'waiting' | 'stopped';
  /** For people: Postgres' clock may not agree with Temporal's. */
  readonly wakeAt: string | null;
  /** In how long the lane wants to be worked again; milliseconds, null: when somebody wakes it. Slices of old lack it. */
  readonly wakeInMs?: number | null;
  readonly position: string;
  /** Events of the whole run, as counted after this slice. */
  readonly settled: number;
  readonly selected: number;
  /** Events per second of this slice. */
  readonly rate: number;
  readonly reason: string | null;
  /** What this slice found lets the other lanes of its run go on. */
  readonly wakesOthers?: true;
}
