import type { Ending } from '../core/replay-status.ts';
import { dropPaceRow } from './budget.ts';
import { giveUpWaiting } from './give-up.ts';
import { handOver } from './hand-over.ts';
import { beginPlanned } from './planned-replays.ts';
import { applyRange } from './range-change.ts';
import { dropIdentifies } from './replay-identifies.ts';
import { leaseIsLive, readRuns, type RunRecord } from './runs.ts';
import { sql, type Queryable } from './sql.ts';
import { withoutWaiting } from './waiting-counts.ts';

/**
 * Ends a run in the caller's transaction if its time has come: it was cancelled and nobody holds a lane of it any
 * more, or all its lanes are done, or another stretch is to follow it. One that is to change, changes, and one that is to
 * give up on what waits does. Waiting rows of a cancelled run go with it: they
 * set no bit, so their events are missing again. A run that has ended stays as it is.
 * @returns the run as it stands afterwards, null when there is none
 */
export async function endRunIfDue(tx: Queryable, runId: string): Promise<RunRecord | null> {
  await lockRun(tx, runId);
  let [run] = await readRuns(tx, sql`r.id = ${runId}`);
  if (run === undefined) return null;
  if (run.endedAt !== null) return run;
  if (run.givingUp && run.desired !== 'cancelled') {
    if (isHeld(run)) return run;
    await giveUpWaiting(tx, run);
    run = (await readRuns(tx, sql`r.id = ${runId}`))[0]!;
  }
  if (run.changing && run.desired !== 'cancelled') {
    if (isHeld(run)) return run;
    await (run.kind === 'stream' ? handOver(tx, run) : applyRange(tx, run));
  } else {
    const ending = endingOf(run);
    if (ending === null) return run;
    await endRun(tx, run, ending, null);
  }
  return (await readRuns(tx, sql`r.id = ${runId}`))[0] ?? null;
}

/**
 * Locks a run's destination and then the run, in this order everywhere: how far a destination's replays reach must not
 * change while its stream begins or ends.
 */
export async function lockRun(tx: Queryable, runId: string): Promise<void> {
  await tx.rows(sql`
    select 1 from destination where id = (select destination_id from run where id = ${runId}) for no key update`);
  await tx.rows(sql`select 1 from run where id = ${runId} for no key update`);
}

/**
 * Ends a run whose workflow somebody terminated by hand, or that cannot go on, once nobody holds a lane of it any more: a
 * slice outlives its workflow for as long as it drains, and what it sends until then is to have its bit. A run that is held
 * stays as it is; the caller comes again.
 */
export async function failRun(tx: Queryable, runId: string, reason: string): Promise<void> {
  await lockRun(tx, runId);
  const [run] = await readRuns(tx, sql`r.id = ${runId} and r.ended_at is null`);
  if (run !== undefined && !isHeld(run)) await endRun(tx, run, 'failed', reason);
}

function endingOf(run: RunRecord): Ending | null {
  if (run.desired === 'cancelled') return isHeld(run) ? null : 'cancelled';
  if (!run.lanes.every((lane) => lane.state === 'done')) return null;
  const dead = run.lanes.some((lane) => (lane.counts.events.dead ?? 0) > 0);
  return dead ? 'completed_with_failures' : 'completed';
}

function isHeld(run: RunRecord): boolean {
  return run.lanes.some((lane) => lane.leaseLive);
}

async function endRun(tx: Queryable, run: RunRecord, ending: Ending, reason: string | null): Promise<void> {
  // A fresh token fences whoever still believes that it holds a lane; what it was writing is done by then.
  await tx.run(sql`
    update lane l set state = 'done', wake_at = null, lease_token = null, lease_released = true,
      counts = ${withoutWaiting(sql`counts`)}, ahead = ${withoutWaiting(sql`ahead`)}
    where run_id = ${run.id}`);
  await tx.run(sql`delete from waiting_delivery where run_id = ${run.id}`);
  await dropPaceRow(tx, run.id);
  await dropIdentifies(tx, run.id);
  await tx.run(sql`
    update run r set ended_at = clock_timestamp(), ended_as = ${ending},
      status_reason = coalesce(${reason}, status_reason),
      to_position = coalesce(to_position, (select min(l.mark) from lane l where l.run_id = r.id))
    where id = ${run.id}`);
  // One that never began stands in nobody's way.
  if (run.kind === 'replay' && run.desired !== 'planned') await beginPlanned(tx, run.destinationId);
}

/** Runs that are to end, or to hand over, and whose lanes are all free of live leases: the reconciler sees to it. */
export async function freeToEnd(db: Queryable): Promise<string[]> {
  const rows = await db.rows<{ id: string }>(sql`
    select r.id from run r
    where r.ended_at is null and (r.desired = 'cancelled' or r.change is not null or r.give_up is not null)
      and not exists (select 1 from lane l where l.run_id = r.id and ${leaseIsLive})`);
  return rows.map((row) => row.id);
}
