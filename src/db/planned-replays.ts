import type { ReplayRequest } from '../core/replay-request.ts';
import { reachOf } from './replay-reach.ts';
import { currentActions } from './runs.ts';
import { sql, type Queryable } from './sql.ts';

/** Why a planned replay does not run yet. */
export const waitsForReplay = 'waits_for_replay';

/** When a planned replay may begin; null: at once. */
export const startAt = sql`(r.schedule->>'startAt')::timestamptz`;

interface Planned {
  readonly id: string;
  readonly request: ReplayRequest;
  readonly mode: 'missing' | 'all' | 'failed';
  readonly sources: readonly string[] | null;
  readonly filter: string | null;
  readonly disabledReason: string | null;
}

/**
 * Begins the planned replay of a destination that has waited longest, of those whose time has come and that nobody has
 * paused, in the caller's transaction, in which nothing of the destination runs; fan-out starts its workflow. It begins as
 * if it had been asked for now: with the versions of now, and up to where the stream has come. Actions
 * that came since are used where they do what it was asked to do already: of anything else nobody has said that the past
 * may set it off. One of failures keeps to the dead letters that it took up.
 */
export async function beginPlanned(tx: Queryable, destinationId: string): Promise<void> {
  const [next] = await tx.rows<Planned & Record<string, unknown>>(sql`
    select r.id, r.request, r.mode, d.sources, d.filter, d.disabled_reason as "disabledReason"
    from run r join destination d on d.id = r.destination_id
    where r.destination_id = ${destinationId} and r.kind = 'replay' and r.desired = 'planned' and r.ended_at is null and not r.held_back
      and d.deleted_at is null and coalesce(${startAt} <= clock_timestamp(), true)
    order by coalesce(${startAt}, r.created_at), r.number limit 1 for no key update of r`);
  if (next === undefined) return;
  const gone = next.disabledReason !== null;
  const actions = await currentActions(
    tx,
    destinationId,
    next.request.actions ?? (await alikeActions(tx, next)),
  );
  await tx.run(sql`
    update run set desired = ${gone ? 'paused' : 'running'}, status_reason = ${gone ? 'destination_disabled' : null},
      revision = revision + 1, actions = ${JSON.stringify(actions)}::jsonb
    where id = ${next.id}`);
  // Nobody can have worked it yet: it waits for a worker from now on.
  await tx.run(sql`update lane set lease_renewed_at = clock_timestamp() where run_id = ${next.id}`);
  if (next.mode === 'failed') return;
  const reach = await reachOf(tx, next.request, next);
  await tx.run(sql`
    update run set to_position = ${reach.to}, cut_to_stream = ${reach.cutToStream},
      selection = ${JSON.stringify(reach.selection)}::jsonb, selected = 0, counted_to = from_position - 1
    where id = ${next.id}`);
}

/** Actions that a replay was asked for with, or that do the same; where it was allowed to do more, only those it names. */
async function alikeActions(tx: Queryable, { id, request }: Planned): Promise<string[]> {
  const byName = request.allowSideEffects !== undefined;
  const rows = await tx.rows<{ id: string }>(sql`
    select distinct now.id from run r, jsonb_to_recordset(r.actions) as pinned("actionId" uuid), action asked, action now
    where r.id = ${id} and asked.id = pinned."actionId" and now.destination_id = r.destination_id
      and (now.id = asked.id or not ${byName} and now.definition_action is not distinct from asked.definition_action)`);
  return rows.map((row) => row.id);
}

/** Ends a replay that was planned and has not begun. @returns whether it was one */
export async function cancelPlanned(db: Queryable, id: string, reason: string | null): Promise<boolean> {
  const ended = await db.run(sql`
    with gone as (
      update run set desired = 'cancelled', status_reason = ${reason}, revision = revision + 1,
        ended_at = clock_timestamp(), ended_as = 'cancelled'
      where id = ${id} and kind = 'replay' and desired = 'planned' and ended_at is null
      returning id
    )
    update lane set state = 'done' from gone where run_id = gone.id`);
  return ended > 0;
}
