import { sumCounts, noCounts, type Bucket, type Counts } from '../core/counts.ts';
import type { Position } from '../core/event.ts';
import { callFirstWaiting } from './drop-waiting.ts';
import { toJsonb } from './jsonb.ts';
import type { RunRecord } from './runs.ts';
import { sql, type Queryable } from './sql.ts';

/** So many deliveries are given up on in one transaction, under the lock of the run's row; the rest is asked for again. */
const mostDeliveries = 10_000;

interface Given {
  readonly lane: number;
  readonly position: Position;
  readonly actionId: string;
  readonly errorClass: string;
  readonly orderKey: string;
  /** Nothing else of its event waits. */
  readonly closes: boolean;
}

interface LaneRow {
  lane: number;
  mark: Position;
  counts: Partial<Counts>;
  ahead: Partial<Counts>;
}

/**
 * Gives up on deliveries of a run that have failed and wait for their next try, as its row wishes, in the caller's
 * transaction, which holds that row; nobody may seem to hold a lane. Each becomes a dead letter with its last failure;
 * what stood behind it is due at once. What has been settled, or not been tried yet, stays as it is.
 */
export async function giveUpWaiting(tx: Queryable, run: RunRecord): Promise<void> {
  // Fences whoever still believes that he holds a lane; what he was writing is done by then. A lease that was not given
  // back is not free: a taker sees it stand still.
  const lanes = await tx.rows<LaneRow>(sql`
    update lane set lease_token = null where run_id = ${run.id} returning lane, mark, counts, ahead`);
  const given = await takeOut(tx, run);
  for (const lane of lanes) {
    const own = given.filter((one) => one.lane === lane.lane);
    if (own.length > 0) await countDead(tx, run, lane, own);
  }
  await callFirstWaiting(tx, run.id);
  await tx.run(sql`
    update lane set state = 'ready', wake_at = null where run_id = ${run.id} and state = 'waiting'`);
  await tx.run(sql`
    update lane l set wake_at = (select min(w.due_at) from waiting_delivery w where w.run_id = l.run_id)
    where l.run_id = ${run.id} and l.state = 'parked'`);
  await tx.run(sql`
    update run set give_up = null, revision = revision + 1,
      gave_up = jsonb_build_object('deliveries', coalesce((gave_up ->> 'deliveries')::bigint, 0) + ${given.length})
    where id = ${run.id}`);
}

/** Makes dead letters of the rows that are meant. An event whose other deliveries still wait knows of them. */
async function takeOut(tx: Queryable, run: RunRecord): Promise<Given[]> {
  const positions = sql`(select give_up -> 'positions' from run where id = ${run.id})`;
  const given = await tx.rows<Given & { [column: string]: unknown }>(sql`
    with meant as (
      select w.* from waiting_delivery w
      where w.run_id = ${run.id} and w.failure is not null and w.attempts > 0
        and (jsonb_typeof(${positions}) = 'null' or ${positions} @> to_jsonb(w.position))
      order by w.position limit ${mostDeliveries}
    ), gone as (
      delete from waiting_delivery w using meant m
      where w.run_id = m.run_id and w.position = m.position and w.action_id = m.action_id
    ), died as (
      insert into dead_letter (id, run_id, destination_id, action_id, action_version, position, error_class, failure,
        attempts, first_failed_at)
      select gen_random_uuid(), m.run_id, r.destination_id, m.action_id,
        (select (a ->> 'version')::integer from jsonb_array_elements(r.actions) a
          where a ->> 'actionId' = m.action_id::text),
        m.position, m.failure ->> 'errorClass', m.failure, m.attempts, coalesce(m.first_failed_at, clock_timestamp())
      from meant m join run r on r.id = m.run_id
      on conflict (run_id, position, action_id) do nothing
    )
    select m.lane, m.position, m.action_id as "actionId", m.order_key as "orderKey",
      m.failure ->> 'errorClass' as "errorClass",
      not exists (select 1 from waiting_delivery other
        where other.run_id = m.run_id and other.position = m.position
          and not exists (select 1 from meant also
            where also.position = other.position and also.action_id = other.action_id)) as closes
    from meant m`);
  const open = given.filter(({ closes }) => !closes).map(({ position }) => position);
  if (open.length > 0)
    await tx.run(sql`
      update waiting_delivery set rest = 'dead' where run_id = ${run.id} and position = any(${open}::bigint[])`);
  return given;
}

/** Counts as dead what waited: up to the mark in the lane's counts, above it in those that its next holder makes anew. */
async function countDead(
  tx: Queryable,
  run: RunRecord,
  lane: LaneRow,
  given: readonly Given[],
): Promise<void> {
  const below = given.filter(({ position }) => position <= lane.mark);
  const above = given.filter(({ position }) => position > lane.mark);
  const byClass: Record<string, number> = {};
  for (const { errorClass } of given) byClass[errorClass] = (byClass[errorClass] ?? 0) + 1;
  await tx.run(sql`
    update lane set counts = ${toJsonb(moved(lane.counts, below))}::jsonb, ahead = ${toJsonb(moved(lane.ahead, above))}::jsonb,
      dead_by_class = case when ${run.kind === 'replay'}::boolean then (
        select coalesce(jsonb_object_agg(key, total), '{}') from (
          select key, sum(value::bigint)::bigint as total from (
            select key, value from jsonb_each_text(dead_by_class)
            union all select key, value from jsonb_each_text(${toJsonb(byClass)}::jsonb)) parts
          group by key) sums) else dead_by_class end
    where run_id = ${run.id} and lane = ${lane.lane}`);
}

function moved(counts: Partial<Counts>, given: readonly Given[]): Counts {
  const known = { ...noCounts, ...counts };
  const events = new Set(given.filter(({ closes }) => closes).map(({ position }) => position)).size;
  const actions = Map.groupBy(given, ({ actionId }) => actionId);
  const byAction = Object.fromEntries(
    [...actions].map(([id, some]) => [id, waitingToDead(known.byAction[id] ?? {}, some.length)]),
  );
  const { reasons } = noCounts;
  return sumCounts([known, { events: waitingToDead(known.events, events), byAction, reasons }]);
}

/** The change that makes so many dead; no more than are counted as waiting. */
function waitingToDead(counted: Readonly<Partial<Record<Bucket, number>>>, count: number) {
  const some = Math.min(count, counted.waiting ?? 0);
  return some === 0 ? {} : { waiting: -some, dead: some };
}
