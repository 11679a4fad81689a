import { beginPlanned, startAt, waitsForReplay } from './planned-replays.ts';
import { getReplay, runningReplay } from './replays.ts';
import { lockRun } from './run-end.ts';
import type { RunRecord } from './runs.ts';
import { scheduled } from '../core/replay-status.ts';
import { sql, type Queryable } from './sql.ts';

const isPlanned = sql`(r.kind = 'replay' and r.desired = 'planned' and not r.held_back and r.ended_at is null)`;
const isDue = sql`(coalesce(${startAt} <= clock_timestamp(), true))`;
const isFree = sql`(not exists (select 1 from run other where other.destination_id = r.destination_id
  and other.kind = 'replay' and other.ended_at is null and other.desired <> 'planned'))`;

/**
 * Begins a planned replay in the caller's transaction if its time has come and its destination is free. One whose
 * destination is busy begins when the replay that runs there has ended, and says so. One that is paused stays so.
 * @returns how it stands afterwards, null when there is none
 */
export async function beginIfDue(tx: Queryable, id: string): Promise<RunRecord | null> {
  await lockRun(tx, id);
  const [due] = await tx.rows<{ destinationId: string }>(sql`
    select r.destination_id as "destinationId" from run r where r.id = ${id} and ${isPlanned} and ${isDue}`);
  if (due !== undefined) {
    const running = await runningReplay(tx, due.destinationId);
    if (running === null) await beginPlanned(tx, due.destinationId);
    await tx.run(sql`
      update run r set status_reason = ${waitsForReplay}
      where r.id = ${id} and ${isPlanned} and ${isDue} and r.status_reason = ${scheduled}`);
  }
  return await getReplay(tx, id);
}

/** Planned replays whose time has come and for which something is to be done: the reconciler sees to it. */
export async function dueToBegin(db: Queryable): Promise<string[]> {
  const rows = await db.rows<{ id: string }>(sql`
    select r.id from run r
    where ${isPlanned} and ${isDue} and (${isFree} or r.status_reason = ${scheduled}) order by r.number`);
  return rows.map(({ id }) => id);
}
