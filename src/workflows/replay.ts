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
import { driveReplay, takeUpDeadLetters } from './drive-replay.ts';
import { wakeSignal, type ReplayInput } from './messages.ts';
import { ReplayBoard } from './replay-board.ts';
import { untilBegun } from './until-begun.ts';

const { finishRun } = proxyActivities<OrchestrateActivities>({ startToCloseTimeout: '1m' });

/**
 * One bounded resend of archived events to one destination. Its lanes are worked side by side, so that several
 * workers can share it; where each stands, what is wanted of it and what was delivered is in the database.
 */
export async function replay(input: ReplayInput): Promise<void> {
  const runId = input.replayId;
  const wakes = new Wakes();
  const board = new ReplayBoard(input);
  setHandler(wakeSignal, () => wakes.wake());

  const handOn = async (): Promise<never> => {
    await condition(allHandlersFinished);
    return await makeContinueAsNewFunc<typeof replay>({ memo: workflowInfo().memo ?? {} })(input);
  };

  const drive = async (looksAgain: boolean): Promise<void> => {
    if ((await driveReplay(input, { wakes, board, looksAgain })) !== 'done') await handOn();
  };

  if (input.startsLater === true) {
    const start = await untilBegun(input, { wakes, board });
    if (start === 'handOn') await handOn();
    if (start === 'over') return;
  }
  if (input.takesUp) await takeUpDeadLetters(runId);
  await drive(patched('range-may-change'));
  for (;;) {
    // A slice's summary tells how far the replay was before it; this one tells how far it came.
    const end = await finishRun.executeWithOptions({ summary: board.standing }, [{ runId }]);
    if (end.ended) return board.end(end.as);
    await sleep('1s'); // a worker that was cut off still holds a lane until its lease runs out, or the range has grown
    if (patched('range-may-have-grown')) await drive(true);
  }
}
