import {
  allHandlersFinished,
  condition,
  makeContinueAsNewFunc,
  proxyActivities,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { OrchestrateActivities } from '../activities/orchestrate.ts';
import { driveLane, Wakes } from './drive-lane.ts';
import { replayQueue, wakeSignal, type ReplayInput } from './messages.ts';
import { ReplayBoard } from './replay-board.ts';

const { finishRun } = proxyActivities<OrchestrateActivities>({ startToCloseTimeout: '1m' });
const { countReplay } = proxyActivities<OrchestrateActivities>({
  startToCloseTimeout: '2h',
  heartbeatTimeout: '1m',
});

/**
 * One bounded resend of archived events to one destination. Its lanes are worked side by side, so that several
 * workers can share it; where each stands, what is wanted of it and what was delivered is in the database.
 */
export async function replay(input: ReplayInput): Promise<void> {
  const runId = input.replayId;
  const wakes = new Wakes();
  const board = new ReplayBoard(input);
  setHandler(wakeSignal, () => wakes.wake());

  const lanes = Array.from({ length: input.lanes }, (_, lane) =>
    driveLane(
      { runId, lane },
      {
        taskQueue: replayQueue,
        wakes,
        summary: () => board.summary(lane),
        onSlice: (slice) => board.show(lane, slice),
      },
    ),
  );
  const [, ...ends] = await Promise.all([countReplay({ runId }), ...lanes]);

  if (ends.includes('handOn')) {
    await condition(allHandlersFinished);
    await makeContinueAsNewFunc<typeof replay>({ memo: workflowInfo().memo ?? {} })(input);
  }
  // A slice's summary tells how far the replay was before it; this one tells how far it came.
  let end = await finishRun.executeWithOptions({ summary: board.standing }, [{ runId }]);
  while (!end.ended) {
    await sleep('1s'); // a worker that was cut off still holds a lane; its lease runs out
    end = await finishRun({ runId });
  }
  board.end(end.as);
}
