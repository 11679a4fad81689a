import { condition, proxyActivities, workflowInfo } from '@temporalio/workflow';
import { outsideWindow } from '../core/replay-status.ts';
import type { SliceInput, SliceResult } from './messages.ts';

/** What the lanes of one workflow share: wake-ups, and the wish to hand on to a fresh history. */
export class Wakes {
  #count = 0;
  #handOn = false;

  wake(): void {
    this.#count++;
  }

  /** How many wake-ups there have been: read before a slice, so that one that comes meanwhile is not lost. */
  get seen(): number {
    return this.#count;
  }

  /** Whether the workflow should continue as new: its history has grown long. */
  get handOn(): boolean {
    this.#handOn ||= workflowInfo().continueAsNewSuggested;
    return this.#handOn;
  }

  /** Waits until something is so, a wake-up after `seen`, or the wish to hand on. */
  async orWoken(seen: number, isSo: () => boolean): Promise<void> {
    await condition(() => isSo() || this.#count > seen || this.#handOn);
  }

  /** Sleeps until a wake-up after `seen`, for a time at most, or until the wish to hand on. @param mostMs of that time */
  async wait(seen: number, ms: number, mostMs = lookAgainMs): Promise<void> {
    await condition(() => this.#count > seen || this.#handOn, Math.min(ms, mostMs));
  }
}

/** A wake-up may be lost with the process that was to send it; then the lane looks by itself. */
const lookAgainMs = 5 * 60_000;
/** What a schedule brings, fan-out sees as well: it needs no look in between. */
export const scheduleLookMs = 60 * 60_000;

/**
 * Works one lane, slice after slice, until it is done or its workflow hands on.
 * @param summary what Temporal's UI shows beside the slice
 * @param onSlice is told what each slice left
 */
export async function driveLane(
  input: SliceInput,
  params: { taskQueue: string; wakes: Wakes; summary: () => string; onSlice: (result: SliceResult) => void },
): Promise<'done' | 'handOn'> {
  const { taskQueue, wakes, summary, onSlice } = params;
  const { deliverSlice } = proxyActivities<{ deliverSlice(input: SliceInput): Promise<SliceResult> }>({
    taskQueue,
    startToCloseTimeout: '10m',
    heartbeatTimeout: '10s',
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    allowEagerDispatch: false,
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10s' },
  });
  while (!wakes.handOn) {
    const { seen } = wakes;
    const slice = await deliverSlice.executeWithOptions({ summary: summary() }, [input]);
    onSlice(slice);
    if (slice.wakesOthers === true) wakes.wake();
    if (slice.next === 'done') return 'done';
    const most = slice.reason === outsideWindow ? scheduleLookMs : lookAgainMs;
    if (slice.next !== 'more') await wakes.wait(seen, restOf(slice), most);
  }
  return 'handOn';
}

/** For how long a lane rests; milliseconds. */
function restOf({ wakeInMs, wakeAt }: SliceResult): number {
  if (wakeInMs !== undefined) return wakeInMs ?? lookAgainMs;
  return wakeAt === null ? lookAgainMs : Math.max(0, Date.parse(wakeAt) - Date.now());
}
