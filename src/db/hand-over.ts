import { randomUUID } from 'node:crypto';
import { chunkOf, chunkPositions } from '../core/coverage.ts';
import type { Position } from '../core/event.ts';
import type { Selection } from '../core/selection.ts';
import { dropUnselected } from './drop-waiting.ts';
import type { PinnedAction, RunRecord } from './runs.ts';
import { sql, type Queryable } from './sql.ts';
import { withoutWaiting } from './waiting-counts.ts';

/** What a stretch of a stream takes, and with which actions. */
export interface Stretch {
  readonly selection: Selection;
  readonly actions: readonly PinnedAction[];
}

/** The two stretches of a hand-over. */
interface HandOver extends Stretch {
  readonly old: RunRecord;
  readonly newId: string;
  readonly newNumber: number;
  /** The last position of the old one. */
  readonly mark: Position;
}

/**
 * Ends a stream's stretch at its mark and begins the next one there, in the caller's transaction, which holds the run's
 * row; nobody may seem to hold its lane. What was settled above the mark goes over to the next one, which neither sends nor
 * counts it again, and so does what waits, as far as the next one takes it; the rest of what waited is missing.
 */
export async function handOver(tx: Queryable, old: RunRecord): Promise<void> {
  // Fences whoever still believes that it holds the lane; what it was writing is done by then.
  const [lane] = await tx.rows<{ mark: Position; dead: boolean }>(sql`
    update lane set lease_token = null where run_id = ${old.id}
    returning mark, jsonb_path_exists(counts, '$.events.dead') as dead`);
  const newId = randomUUID();
  const { mark, dead } = lane!;
  await tx.run(sql`
    update run set ended_at = clock_timestamp(), to_position = ${mark},
      ended_as = ${dead ? 'completed_with_failures' : 'completed'}
    where id = ${old.id}`);
  const { newNumber, ...stretch } = await beginNext(tx, old, newId, mark);
  const over: HandOver = { ...stretch, old, newId, newNumber, mark };
  await moveWaiting(tx, over);
  await moveSettled(tx, over);
  await moveLane(tx, over);
}

async function beginNext(
  tx: Queryable,
  old: RunRecord,
  newId: string,
  mark: Position,
): Promise<Stretch & { newNumber: number }> {
  const [next] = await tx.rows<{ number: number } & Stretch>(sql`
    insert into run (id, destination_id, kind, from_position, selection, actions, order_by, desired,
      events_per_second, max_concurrent, started_at)
    select ${newId}, destination_id, kind, ${mark + 1}, change -> 'selection', change -> 'actions', order_by, desired,
      events_per_second, max_concurrent, clock_timestamp()
    from run where id = ${old.id}
    returning number, selection, actions`);
  return { newNumber: next!.number, selection: next!.selection, actions: next!.actions };
}

async function moveWaiting(tx: Queryable, { old, newId, selection, actions }: HandOver): Promise<void> {
  const taken = actions.map(({ actionId }) => actionId);
  await dropUnselected(tx, old.id, selection, sql`w.action_id <> all(${taken}::uuid[])`);
  await tx.run(sql`update waiting_delivery set run_id = ${newId} where run_id = ${old.id}`);
}

/**
 * Bits and dead letters above the mark, but for actions whose account is a new one since: there they are missing. The
 * chunk that the mark lies in is divided between the two.
 */
async function moveSettled(tx: Queryable, { old, newId, newNumber, mark }: HandOver): Promise<void> {
  const stays = sql`action_id in (select id from action where epoch > ${old.number})`;
  await tx.run(sql`
    update dead_letter set run_id = ${newId} where run_id = ${old.id} and position > ${mark} and not ${stays}`);
  const divided = chunkOf(mark + 1);
  const kept = (mark + 1) % chunkPositions; // so many of its positions lie at or below the mark
  const above = sql`(repeat('0', ${kept}) || repeat('1', ${chunkPositions - kept}))::bit(8192)`;
  await tx.run(sql`
    insert into coverage (action_id, chunk, run, bits, first_at, last_at)
    select action_id, chunk, ${newNumber}::bigint, bits & ${above}, first_at, last_at from coverage
    where run = ${old.number} and chunk = ${divided} and bit_count(bits & ${above}) > 0 and not ${stays}`);
  await tx.run(sql`
    update coverage set bits = bits & ~ ${above}
    where run = ${old.number} and chunk = ${divided} and not ${stays}`);
  await tx.run(sql`
    delete from coverage where run = ${old.number} and chunk = ${divided} and bit_count(bits) = 0`);
  await tx.run(sql`
    update coverage set run = ${newNumber} where run = ${old.number} and chunk > ${divided} and not ${stays}`);
}

/**
 * What waits at or below the mark is counted where it will end; a destination that was down still is, and
 * what it has refused without taking anything since is still in doubt. A lease that was
 * not given back goes over as one that nobody renews: the wall clock says that it is over, and its holder may know
 * better and send for as long as it lasts, so whoever takes the lane has to see it stand still.
 */
async function moveLane(tx: Queryable, { old, newId, mark }: HandOver): Promise<void> {
  const waiting = sql`from waiting_delivery where run_id = ${newId} and position <= ${mark}`;
  await tx.run(sql`
    insert into lane (run_id, lane, bucket_from, bucket_to, mark, mark_received_at, counts, state, state_reason,
      hold_ms, streaks, wake_at, lease_released, lease_renewals, lease_renewed_at, suppression_revision)
    select ${newId}, lane, bucket_from, bucket_to, mark, mark_received_at, jsonb_build_object(
        'events', jsonb_strip_nulls(jsonb_build_object('waiting',
          (select nullif(count(distinct position), 0) ${waiting}))),
        'byAction', coalesce((select jsonb_object_agg(action_id, jsonb_build_object('waiting', count))
          from (select action_id, count(*) as count ${waiting} group by action_id) by_action), '{}'),
        'reasons', '{}'::jsonb),
      case when state in ('held', 'parked') then state else 'ready' end,
      case when state = 'held' then state_reason end, case when state = 'held' then hold_ms end, streaks,
      case when state = 'held' then wake_at else (select min(due_at) from waiting_delivery where run_id = ${newId}) end,
      lease_released, lease_renewals, case when not lease_released then clock_timestamp() end, suppression_revision
    from lane where run_id = ${old.id}`);
  await tx.run(sql`
    update lane set state = 'done', wake_at = null, lease_released = true, counts = ${withoutWaiting(sql`counts`)}, ahead = '{}'
    where run_id = ${old.id}`);
}
