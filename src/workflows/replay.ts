import {
  allHandlersFinished,
  condition,
  makeContinueAsNewFunc,
  patched,
  proxyActivities,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { OrchestrateActivities } from '../activities/orchestrate.ts';
import { Wakes } from './drive-lane.ts';
import { ReplayDrive } from './drive-replay.ts';
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

  const drive = async (looksAgain: boolean): Promise<void> => {
    const replayDrive = new ReplayDrive(input.lanes, wakes, looksAgain);
    const lanes = Array.from({ length: input.lanes }, (_, lane) =>
      replayDrive.lane(
        { runId, lane },
        {
          taskQueue: replayQueue,
          wakes,
          summary: () => board.summary(lane),
          onSlice: (slice) => board.show(lane, slice),
        },
      ),
    );
    const counting = replayDrive.counting(() => countReplay({ runId }));
    const [, ...ends] = await Promise.all([counting, ...lanes]);
    if (!ends.includes('handOn')) return;
    await condition(allHandlersFinished);
    await makeContinueAsNewFunc<typeof replay>({ memo: workflowInfo().memo ?? {} })(input);
  };

  if (input.takesUp) {
    await countReplay.executeWithOptions({ summary: 'takes up dead letters' }, [{ runId }]);
  }
  await drive(patched('range-may-change'));
  // A slice's summary tells how far the replay was before it; this one tells how far it came.
  let end = await finishRun.executeWithOptions({ summary: board.standing }, [{ runId }]);
  while (!end.ended) {
    await sleep('1s'); // a worker that was cut off still holds a lane until its lease runs out, or the range has grown
    if (patched('range-may-have-grown')) await drive(true);
    end = await finishRun({ runId });
  }
  board.end(end.as);
}
