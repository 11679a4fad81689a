import { scheduled } from '../core/replay-status.ts';
import { changedSchedule, tightWindow, type ScheduleChange } from '../core/replay-schedule.ts';
import { tellBudget } from './budget.ts';
import { scheduleOf } from './replay-schedules.ts';
import { getReplay, type ChangeReplay } from './replays.ts';
import { lockRun } from './run-end.ts';
import { beginIfDue } from './scheduled-start.ts';
import { sql, type Queryable } from './sql.ts';

/** What a change of a replay's schedule ended in. */
export type ChangeSchedule =
  | ChangeReplay
  /** It sends already, so a time at which it is to begin comes too late. */
  | { readonly kind: 'has_begun' }
  /** Hours without windows: a time zone alone says nothing. */
  | { readonly kind: 'no_schedule' }
  /** A window allows fewer requests at once than the replay has lanes, each of which needs one. */
  | { readonly kind: 'too_few_connections'; readonly lanes: number; readonly window: number };

/**
 * Changes a replay's schedule, at any time before its end; null: none, so that one that was to begin later begins now,
 * unless it is paused. Its holders hear of it with their next commit, at latest after a second.
 */
export async function setReplaySchedule(
  tx: Queryable,
  id: string,
  change: ScheduleChange | null,
): Promise<ChangeSchedule> {
  await lockRun(tx, id);
  const replay = await getReplay(tx, id);
  if (replay === null) return { kind: 'no_replay' };
  if (replay.endedAt !== null || replay.desired === 'cancelled') return { kind: 'ended', replay };
  const lanes = replay.lanes.length;
  const asked = change === null ? null : changedSchedule(replay.schedule, change);
  if (asked === null && replay.schedule === null && change !== null) return { kind: 'no_schedule' };
  const window = tightWindow(asked?.windows ?? [], lanes);
  if (window !== null) return { kind: 'too_few_connections', lanes, window };
  const begin = change?.startAt ?? null;
  const { schedule, later } =
    begin === null ? { schedule: asked, later: false } : await scheduleOf(tx, asked!);
  if (later && replay.desired !== 'planned') return { kind: 'has_begun' };
  await tx.run(sql`
    update run set schedule = ${schedule === null ? null : JSON.stringify(schedule)}::jsonb, revision = revision + 1,
      status_reason = case when desired = 'planned' then ${scheduled} else status_reason end
    where id = ${id}`);
  const changed = (await beginIfDue(tx, id))!;
  await tellBudget(tx, changed.destinationId);
  return { kind: 'changed', replay: changed };
}
