import type { ScheduleChange } from '../core/replay-schedule.ts';
import { setReplaySchedule } from '../db/schedule-change.ts';
import type { RunRecord } from '../db/runs.ts';
import type { Queryable } from '../db/sql.ts';
import type { Problem } from './problem.ts';
import { invalidBody, nothingHere } from './route.ts';
import { over } from './routes/replay-control.ts';

/** Changes a replay's schedule, in a change's transaction. @returns the replay, or why it keeps its own */
export async function changeSchedule(
  tx: Queryable,
  id: string,
  schedule: ScheduleChange | null,
): Promise<RunRecord | Problem> {
  const changed = await setReplaySchedule(tx, id, schedule);
  switch (changed.kind) {
    case 'no_replay':
      return nothingHere(id);
    case 'ended':
      return over(changed.replay);
    case 'has_begun':
      return hasBegun;
    case 'no_schedule':
      return noSchedule;
    case 'too_few_connections':
      return tooFewIn(changed.window, changed.lanes);
    default:
      return changed.replay;
  }
}

const hasBegun = invalidBody([
  {
    pointer: '/schedule/startAt',
    detail:
      'The replay has begun, so it cannot begin later. Leave `startAt` out and give `windows`, or pause it.',
  },
]);

const noSchedule = invalidBody([
  { pointer: '/schedule', detail: 'The replay has no schedule. Give `startAt`, `windows`, or both.' },
]);

function tooFewIn(window: number, lanes: number): Problem {
  const detail = `The replay has ${lanes} lanes, and each needs a request of its own: give at least ${lanes}.`;
  return invalidBody([{ pointer: `/schedule/windows/${window}/maxConcurrent`, detail }]);
}
