import type { Endings } from '../core/brakes.ts';
import type { KeptStreak } from '../core/health.ts';
import type { LaneCommit } from '../core/lane-types.ts';
import type { LaneState } from '../core/replay-status.ts';
import { chunkPositions } from '../core/coverage.ts';
import type { Database } from './database.ts';
import { withoutForgotten } from './forgotten-failures.ts';
import { toJsonb } from './jsonb.ts';
import { deliveryKey } from './lane-knowledge.ts';
import { accountWanted, type TakenLane, type WantedRow } from './lane-lease.ts';
import { desiredOfHolder } from './runs.ts';
import { sql, type Queryable, type Statement } from './sql.ts';

/** The lane is no longer its writer's: somebody else took it, or its run has ended. Nothing was written. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

/** What a commit says beside what the lane's books hold. */
export interface LaneStanding {
  readonly state: LaneState;
  readonly reason: string | null;
  /** In how long the lane wants to be worked again; milliseconds. */
  readonly wakeInMs: number | null;
  readonly holdMs: number | null;
  /** Failures of one kind since the destination last took an event. */
  readonly streaks: readonly KeptStreak[];
  /** For how long the destination has been down; milliseconds, null: it is not. */
  readonly heldForMs: number | null;
  readonly endings: Endings | null;
  /** Events per second. */
  readonly rate: number;
  /** The revision that the holder has acted upon. */
  readonly revision: number;
  /** Suppressions that the holder obeys. */
  readonly suppressionRevision: number;
  /** The last commit of this holder. */
  readonly release: boolean;
}

/**
 * Writes all that changed in a lane in one transaction, and renews or releases its lease. Doing the same commit again
 * changes nothing more, so an answer that got lost is no harm.
 * @returns what is wanted now
 * @throws LeaseLost when the token is no longer the lane's
 */
export async function commitLane(
  db: Database,
  lane: TakenLane,
  commit: LaneCommit,
  standing: LaneStanding,
): Promise<WantedRow> {
  return await db.transaction(async (tx) => {
    const wanted = await writeLane(tx, lane, commit, standing);
    for (const part of commit.bits.toSorted(inOneOrder)) await writeBits(tx, lane, part);
    if (commit.waiting.length > 0) await writeWaiting(tx, lane, await withoutForgotten(tx, commit.waiting));
    if (commit.ended.length > 0) await deleteWaiting(tx, lane, commit.ended);
    if (commit.dead.length > 0) await writeDead(tx, lane, await withoutForgotten(tx, commit.dead));
    if (commit.promote.length > 0) await callFirst(tx, lane, commit.promote, sql`w.due_at is null`);
    if (commit.hurry.length > 0) await callFirst(tx, lane, commit.hurry, sql`w.due_at > clock_timestamp()`);
    if (commit.callUp.length > 0) await callUp(tx, lane, commit.callUp);
    return wanted;
  });
}

async function writeLane(tx: Queryable, lane: TakenLane, commit: LaneCommit, standing: LaneStanding) {
  // Kept while the reason is, so that the same commit again changes nothing.
  const held = sql`clock_timestamp() - ${standing.heldForMs}::float8 * interval '1 ms'`;
  const [wanted] = await tx.rows<WantedRow & { desired: WantedRow['desired'] }>(sql`
    update lane l set mark = ${commit.mark},
      samples = coalesce(${commit.samples === null ? null : toJsonb(commit.samples)}::jsonb, l.samples), counts = ${toJsonb(commit.counts)}::jsonb,
      ahead = ${toJsonb(commit.ahead)}::jsonb, read_to = ${commit.readTo}, rate = ${standing.rate},
      mark_received_at = coalesce(${commit.markReceivedAt}, l.mark_received_at),
      lease_renewals = l.lease_renewals + 1, lease_renewed_at = clock_timestamp(),
      lease_revision = ${standing.revision}, suppression_revision = ${standing.suppressionRevision}, lease_released = ${standing.release},
      state = ${standing.state}, state_reason = ${standing.reason}, hold_ms = ${standing.holdMs},
      streaks = ${toJsonb(standing.streaks)}::jsonb,
      held_since = case when ${standing.heldForMs}::float8 is not null and l.state_reason = ${standing.reason}
        then coalesce(l.held_since, ${held}) else ${held} end,
      endings = ${standing.endings === null ? null : toJsonb(standing.endings)}::jsonb,
      wake_at = clock_timestamp() + ${standing.wakeInMs}::float8 * interval '1 ms'
    from run r join destination d on d.id = r.destination_id
    left join budget b on b.scope = 'destination/' || d.id
    where l.run_id = ${lane.runId} and l.lane = ${lane.lane} and l.lease_token = ${lane.token} and r.id = l.run_id
    returning ${desiredOfHolder} as desired, r.revision, r.events_per_second as "eventsPerSecond", r.max_concurrent as "maxConcurrent", r.schedule,
      d.settings_sealed as "settingsSealed", ${accountWanted} as account,
      (select revision from suppression_revision) as "suppressionRevision"`);
  if (wanted === undefined) throw new LeaseLost(`lane ${lane.lane} of run ${lane.runId} has another holder`);
  return wanted;
}

/** Lanes share rows of coverage: all write them in the same order, so that none waits for another in a circle. */
function inOneOrder(left: LaneCommit['bits'][number], right: LaneCommit['bits'][number]): number {
  if (left.actionId === right.actionId) return left.chunk - right.chunk;
  return left.actionId < right.actionId ? -1 : 1;
}

async function writeBits(tx: Queryable, lane: TakenLane, part: LaneCommit['bits'][number]): Promise<void> {
  const binary = Buffer.alloc(4 + part.bits.length); // a bit string on the wire: its length in bits, then the bits
  binary.writeInt32BE(chunkPositions);
  binary.set(part.bits, 4);
  await tx.run(sql`
    insert into coverage as has (action_id, chunk, run, bits, first_at, last_at)
    values (${part.actionId}, ${part.chunk}, ${lane.runNumber}, ${binary}, clock_timestamp(), clock_timestamp())
    on conflict (action_id, chunk, run) do update set bits = has.bits | excluded.bits, last_at = excluded.last_at`);
}

async function writeWaiting(tx: Queryable, lane: TakenLane, rows: LaneCommit['waiting']): Promise<void> {
  // The last row of a delivery says how it stands; one statement cannot write the same row twice.
  const latest = new Map(rows.map((row) => [deliveryKey(row.position, row.actionId), row]));
  await tx.run(sql`
    insert into waiting_delivery
      (run_id, lane, position, action_id, order_key, attempts, rounds, due_at, first_failed_at, failure, rest)
    select ${lane.runId}, ${lane.lane}, w.position, w."actionId", w."orderKey", w.attempts, w.rounds,
      clock_timestamp() + w."dueInMs" * interval '1 ms', clock_timestamp() - w."ageMs" * interval '1 ms',
      w.failure, w.rest
    from jsonb_to_recordset(${toJsonb([...latest.values()])}::jsonb) as w(position bigint, "actionId" uuid, "orderKey" text,
      attempts integer, rounds integer, "dueInMs" float8, "ageMs" float8, failure jsonb, rest text)
    on conflict (run_id, position, action_id) do update set attempts = excluded.attempts, rounds = excluded.rounds,
      due_at = excluded.due_at, failure = excluded.failure, rest = excluded.rest,
      first_failed_at = coalesce(waiting_delivery.first_failed_at, excluded.first_failed_at)`);
}

async function deleteWaiting(tx: Queryable, lane: TakenLane, ended: LaneCommit['ended']): Promise<void> {
  await tx.run(sql`
    delete from waiting_delivery w using unnest(${ended.map((row) => row.position)}::bigint[],
      ${ended.map((row) => row.actionId)}::uuid[]) as done(position, action_id)
    where w.run_id = ${lane.runId} and w.position = done.position and w.action_id = done.action_id`);
}

async function writeDead(tx: Queryable, lane: TakenLane, dead: LaneCommit['dead']): Promise<void> {
  const rows = dead.map((row) => ({
    ...row,
    version: lane.actions.find((action) => action.actionId === row.actionId)?.version,
    errorClass: row.failure.errorClass,
  }));
  // What an earlier try of the same commit has written is not counted again. A replay's alone are counted: a stream's go
  // over to its next stretch.
  await tx.run(sql`
    with written as (
      insert into dead_letter (id, run_id, destination_id, action_id, action_version, position, error_class, failure,
        attempts, first_failed_at)
      select gen_random_uuid(), ${lane.runId}, ${lane.destination.id}, d."actionId", d.version, d.position,
        d."errorClass", d.failure, d.attempts, clock_timestamp() - d."ageMs" * interval '1 ms'
      from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as d("actionId" uuid, version integer, position bigint,
        "errorClass" text, failure jsonb, attempts integer, "ageMs" float8)
      on conflict (run_id, position, action_id) do nothing
      returning error_class
    )
    update lane set dead_by_class = (
      select coalesce(jsonb_object_agg(error_class, count), '{}') from (
        select error_class, sum(count)::bigint as count from (
          select key as error_class, value::bigint as count from jsonb_each_text(dead_by_class)
          union all select error_class, count(*) from written group by error_class
        ) parts group by error_class
      ) sums)
    where run_id = ${lane.runId} and lane = ${lane.lane} and ${lane.kind === 'replay'}::boolean`);
}

/** Makes waiting deliveries due now that have a later time. */
async function callUp(tx: Queryable, lane: TakenLane, which: LaneCommit['callUp']): Promise<void> {
  await tx.run(sql`
    update waiting_delivery w set due_at = clock_timestamp()
    from jsonb_to_recordset(${toJsonb(which)}::jsonb) as called(position bigint, "errorClass" text)
    where w.run_id = ${lane.runId} and w.position = called.position and w.due_at > clock_timestamp()
      and w.failure ->> 'errorClass' = called."errorClass"`);
}

/** Makes the first waiting event of each order key due now, of its deliveries those that a condition names. */
async function callFirst(
  tx: Queryable,
  lane: TakenLane,
  orderKeys: readonly string[],
  which: Statement,
): Promise<void> {
  await tx.run(sql`
    update waiting_delivery w set due_at = clock_timestamp()
    from (
      select distinct on (order_key) order_key, position from waiting_delivery
      where run_id = ${lane.runId} and lane = ${lane.lane} and order_key = any(${orderKeys}::text[])
      order by order_key, position
    ) first
    where w.run_id = ${lane.runId} and w.position = first.position and ${which}`);
}
