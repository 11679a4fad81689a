import {
  allHandlersFinished,
  condition,
  makeContinueAsNewFunc,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { OrchestrateActivities } from '../activities/orchestrate.ts';
import { driveLane, Wakes } from './drive-lane.ts';
import { liveQueue, wakeSignal, type SliceResult, type StreamInput } from './messages.ts';

const { finishRun, streamRun } = proxyActivities<OrchestrateActivities>({ startToCloseTimeout: '1m' });

/**
 * The endless delivery of new events to one destination: stretch after stretch of its stream, for as long as one is
 * open. At the head of the archive it parks and is woken by the next event.
 */
export async function stream(input: StreamInput): Promise<void> {
  const wakes = new Wakes();
  setHandler(wakeSignal, () => wakes.wake());
  let last: SliceResult | null = null;

  for (let runId = await streamRun(input); runId !== null; runId = await streamRun(input)) {
    const end = await driveLane(
      { runId, lane: 0 },
      {
        taskQueue: liveQueue,
        wakes,
        summary: () =>
          last === null ? 'starts' : `up to ${last.position} · ${last.settled} events · ${last.rate}/s`,
        onSlice: (slice) => {
          last = slice;
          setCurrentDetails(describe(slice));
        },
      },
    );
    if (end === 'handOn') {
      await condition(allHandlersFinished);
      await makeContinueAsNewFunc<typeof stream>({ memo: workflowInfo().memo ?? {} })(input);
    }
    while (!(await finishRun({ runId })).ended) await sleep('1s');
  }
}

function describe({ next, position, settled, reason, wakeAt }: SliceResult): string {
  return [
    `**${next === 'idle' ? 'parked at the head of the archive' : next}** · up to position ${position}`,
    '',
    `${settled} events in this stretch${reason === null ? '' : ` · ${reason}`}${wakeAt === null ? '' : ` · next try ${wakeAt}`}`,
  ].join('\n');
}
