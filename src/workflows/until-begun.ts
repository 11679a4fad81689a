import { proxyActivities } from '@temporalio/workflow';
import type { OrchestrateActivities } from '../activities/orchestrate.ts';
import { scheduleLookMs, type Wakes } from './drive-lane.ts';
import type { ReplayInput } from './messages.ts';
import type { ReplayBoard } from './replay-board.ts';

const { beginReplay } = proxyActivities<OrchestrateActivities>({ startToCloseTimeout: '1m' });

/**
 * Waits until the time of a planned replay has come and its destination is free, or it ends before. Whoever changes its
 * schedule wakes it.
 */
export async function untilBegun(
  { replayId: runId }: ReplayInput,
  { wakes, board }: { wakes: Wakes; board: ReplayBoard },
): Promise<'begun' | 'over' | 'handOn'> {
  while (!wakes.handOn) {
    const { seen } = wakes;
    const start = await beginReplay.executeWithOptions({ summary: board.standing }, [{ runId }]);
    if (start.stands === 'over') {
      board.end(start.as);
      return 'over';
    }
    if (start.stands === 'begun') {
      board.begins();
      return 'begun';
    }
    board.waits(start.startsAt);
    await wakes.wait(seen, start.inMs ?? scheduleLookMs, scheduleLookMs);
  }
  return 'handOn';
}
