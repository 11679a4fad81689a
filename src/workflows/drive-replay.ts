import { proxyActivities } from '@temporalio/workflow';
import type { OrchestrateActivities } from '../activities/orchestrate.ts';
import { driveLane, type Wakes } from './drive-lane.ts';
import { replayQueue, type ReplayInput } from './messages.ts';
import type { ReplayBoard } from './replay-board.ts';

const { countReplay } = proxyActivities<OrchestrateActivities>({
  startToCloseTimeout: '2h',
  heartbeatTimeout: '1m',
});

/** Nothing is sent before all is marked, so a worker that has died is missed sooner. */
const { countReplay: markAndCount } = proxyActivities<OrchestrateActivities>({
  startToCloseTimeout: '2h',
  heartbeatTimeout: '20s',
});

/** Marks the dead letters that a replay takes up: its lanes look for the marks. */
export async function takeUpDeadLetters(runId: string): Promise<void> {
  await markAndCount.executeWithOptions({ summary: 'takes up dead letters' }, [{ runId }]);
}

/**
 * Works a replay's lanes side by side, and counts what it selects, until all lanes are done or the workflow hands on. A
 * lane that is done is looked at again whenever something wakes the replay before the last one is: its range may have
 * grown.
 * @param looksAgain false for executions that began when a range did not change
 */
export async function driveReplay(
  { replayId: runId, lanes }: ReplayInput,
  { wakes, board, looksAgain }: { wakes: Wakes; board: ReplayBoard; looksAgain: boolean },
): Promise<'done' | 'handOn'> {
  let open = lanes;
  const allDone = () => open === 0;

  const work = async (lane: number): Promise<'done' | 'handOn'> => {
    for (;;) {
      const { seen } = wakes;
      const end = await driveLane(
        { runId, lane },
        {
          taskQueue: replayQueue,
          wakes,
          summary: () => board.summary(lane),
          onSlice: (slice) => board.show(lane, slice),
        },
      );
      if (end === 'handOn' || !looksAgain) return end;
      open--;
      await wakes.orWoken(seen, allDone);
      if (allDone()) return 'done';
      open++;
    }
  };
  const count = async (): Promise<void> => {
    while (!allDone() && !wakes.handOn) {
      const { seen } = wakes;
      await countReplay({ runId });
      if (!looksAgain) return;
      await wakes.orWoken(seen, allDone);
    }
  };

  const working = Array.from({ length: lanes }, (_, lane) => work(lane));
  const [, ...ends] = await Promise.all([count(), ...working]);
  return ends.includes('handOn') ? 'handOn' : 'done';
}
