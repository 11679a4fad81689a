import { hostname } from 'node:os';
import type { Endings } from '../core/brakes.ts';
import type { Budget } from '../core/budget.ts';
import { noCounts, type Counts } from '../core/counts.ts';
import type { Position } from '../core/event.ts';
import type { KeptStreak } from '../core/health.ts';
import type { IntegrationsRule } from '../core/integrations.ts';
import type { LearntRate } from '../core/learnt-rate.ts';
import { paceIn, standingAt, type Schedule } from '../core/replay-schedule.ts';
import type { Desired, HolderWish, LaneState } from '../core/replay-status.ts';
import type { Canary } from '../core/replay-request.ts';
import type { Samples } from '../core/samples.ts';
import type { Selection } from '../core/selection.ts';
import { millis } from './budget.ts';
import type { Database } from './database.ts';
import { toJsonb } from './jsonb.ts';
import { bySchedule, desiredOfHolder, type PinnedAction } from './runs.ts';
import { sql, type Queryable } from './sql.ts';

/** A lane in somebody's hands, and what is to be done there. */
export interface TakenLane {
  readonly runId: string;
  readonly runNumber: number;
  readonly kind: 'replay' | 'stream';
  readonly lane: number;
  readonly lanes: number;
  readonly token: string;
  readonly destination: {
    readonly id: string;
    readonly name: string;
    readonly type: string;
    readonly settingsSealed: string;
  };
  readonly actions: readonly PinnedAction[];
  /** FQL by action, of those that have a trigger in the version that the run works with. */
  readonly triggers: Readonly<Record<string, string>>;
  readonly fromPosition: Position;
  /** Null: the stream's stretch is open. */
  readonly toPosition: Position | null;
  readonly selection: Selection;
  readonly mode: 'missing' | 'all' | 'failed';
  readonly newIds: boolean;
  /** Whether events keep away from a destination that they say they are not for. */
  readonly integrations: IntegrationsRule;
  /** What is sent says which replay sends it. */
  readonly marker: boolean;
  /** `latest`: of a user's identify calls one is sent, with what is newest of each trait. */
  readonly profiles: 'all' | 'latest';
  /** Sources whose events the destination takes; null: all. */
  readonly sources: readonly string[] | null;
  readonly orderBy: 'user' | 'strict' | 'none';
  readonly wanted: Wanted;
  /** Suppressions up to here must be known before anything is sent. */
  readonly suppressionRevision: number;
  readonly bucketFrom: number;
  readonly bucketTo: number;
  readonly mark: Position;
  readonly counts: Counts;
  /** What the last holder had settled above the mark: found again, and counted anew. */
  readonly ahead: Counts;
  /** Up to where he had read. */
  readonly readTo: Position;
  readonly samples: Samples;
  readonly state: LaneState;
  readonly stateReason: string | null;
  /** Failures of one kind since the destination last took an event. */
  readonly streaks: readonly KeptStreak[];
  readonly holdMs: number | null;
  /** For how long the destination has been down; milliseconds. */
  readonly heldForMs: number | null;
  readonly endings: Endings | null;
  /** Brakes that a person has resumed past. */
  readonly brakesReleased: readonly string[];
  /** The first events that go before the others; null: there is no canary, or it has passed. */
  readonly canary: Canary | null;
  /** For how long yet the last holder wanted it left alone; milliseconds, null: not at all. */
  readonly wakeInMs: number | null;
}

/** What the run's row and its destination want now; re-read with every commit. */
export interface Wanted {
  readonly desired: HolderWish;
  readonly revision: number;
  readonly eventsPerSecond: number | null;
  readonly maxConcurrent: number | null;
  readonly settingsSealed: string;
  /** The newest change of suppressions. */
  readonly suppressionRevision: number;
  readonly account: AccountWanted;
  /** In how long the replay's window closes, and for how long it has been open; milliseconds, null: no end is in sight. */
  readonly closesInMs: number | null;
  readonly openForMs: number | null;
}

/** The same as the rows have it, before the schedule is looked at. */
export type WantedRow = Omit<Wanted, 'desired' | 'closesInMs' | 'openForMs'> & {
  readonly desired: Desired;
  readonly schedule: Schedule | null;
};

/** What is wanted at the moment at which it was read: outside the windows nothing, inside the lower pace. */
export function wantedNow({ schedule, ...row }: WantedRow): Wanted {
  const { opening, openForMs } = standingAt(schedule, row.account.now);
  const closesAt = opening.kind === 'open' ? opening.closesAt : null;
  const { desired, ...rest } = row;
  return {
    ...rest,
    ...paceIn(opening, row),
    openForMs,
    desired: bySchedule(desired, opening),
    closesInMs: closesAt === null ? null : closesAt - row.account.now,
  };
}

/** How a destination's account stands. Times are milliseconds of Postgres time. */
export interface AccountWanted {
  readonly now: number;
  readonly budget: Budget;
  readonly blockedUntil: number;
  readonly learnt: LearntRate | null;
}

/** The account of the destination `d`, whose row of the budget, if any, is `b`. */
export const accountWanted = sql`json_build_object('now', ${millis(sql`clock_timestamp()`)}, 'budget', d.budget,
  'blockedUntil', ${millis(sql`b.blocked_until`)}, 'learnt', b.learnt)`;

/** What an attempt to take a lane ended in. */
export type TakeLane =
  | { readonly kind: 'taken'; readonly lane: TakenLane }
  /** Somebody else works it; `renewals` tells whether he is alive. */
  | { readonly kind: 'held'; readonly renewals: number }
  /** It is not to be worked now; the wish has been confirmed if nobody holds the lane. */
  | { readonly kind: 'stopped'; readonly desired: HolderWish }
  | { readonly kind: 'ended' };

type OfRun = 'destination' | 'wanted' | 'counts' | 'ahead' | 'token' | 'suppressionRevision';
interface Row extends Omit<TakenLane, OfRun>, Omit<WantedRow, 'suppressionRevision'> {
  counts: Partial<Counts>;
  ahead: Partial<Counts>;
  destinationId: string;
  name: string;
  type: string;
  ended: boolean;
  released: boolean;
  renewals: number;
}

/**
 * Takes a lane under a fresh token. The run's row is locked meanwhile, so that a wish written before is seen and one
 * written later finds the lease. @param from.stale renewals of a holder that its watcher has seen stand still
 */
export async function takeLane(
  db: Database,
  from: { runId: string; lane: number; token: string; stale: number | null },
): Promise<TakeLane> {
  return await db.transaction(async (tx) => {
    const row = await lockLane(tx, from.runId, from.lane);
    if (row === null || row.ended) return { kind: 'ended' };
    const free = row.released || (from.stale !== null && row.renewals === from.stale);
    if (row.desired === 'running' && row.state === 'done') return { kind: 'ended' };
    const { desired } = wantedNow({ ...row, suppressionRevision: 0 });
    if (desired !== 'running') {
      if (free) await confirm(tx, from, row.revision);
      return { kind: 'stopped', desired };
    }
    if (!free) return { kind: 'held', renewals: row.renewals };
    const suppressionRevision = await lockSuppressions(tx);
    await tx.run(sql`
      update lane set lease_token = ${from.token}, lease_holder = ${toJsonb({ token: from.token, host: hostname(), pid: process.pid })}::jsonb,
        lease_released = false, suppression_revision = ${suppressionRevision}, lease_renewals = lease_renewals + 1,
        lease_renewed_at = clock_timestamp(), lease_revision = ${row.revision},
        state = case when state = 'held' then 'held' else 'ready' end,
        wake_at = case when state = 'held' then wake_at end, woken_at = null
      where run_id = ${from.runId} and lane = ${from.lane}`);
    await tx.run(
      sql`update run set started_at = clock_timestamp() where id = ${from.runId} and started_at is null`,
    );
    return { kind: 'taken', lane: toTaken(row, from.token, suppressionRevision) };
  });
}

/**
 * Who suppresses somebody at this moment waits until the lease can be seen, or the lane waits for him and knows of it.
 */
async function lockSuppressions(tx: Queryable): Promise<number> {
  const [row] = await tx.rows<{ revision: number }>(sql`select revision from suppression_revision for share`);
  return row!.revision;
}

/** Nobody works the lane: whatever is wanted of it holds already. */
async function confirm(
  tx: Queryable,
  lane: { runId: string; lane: number },
  revision: number,
): Promise<void> {
  await tx.run(sql`
    update lane set lease_token = null, lease_released = true, lease_revision = ${revision}
    where run_id = ${lane.runId} and lane = ${lane.lane}`);
}

/** The triggers of a run `r`, by action. Uses action_version's primary key. */
const triggersOfRun = sql`(
  select coalesce(json_object_agg(v.action_id, v.trigger), '{}')
  from jsonb_to_recordset(r.actions) as pinned("actionId" uuid, version integer)
  join action_version v on v.action_id = pinned."actionId" and v.version = pinned.version
  where v.trigger is not null)`;

// NO KEY: what a commit writes refers to the run's row and must not wait for who waits for its lane.
async function lockLane(tx: Queryable, runId: string, lane: number): Promise<Row | null> {
  const [row] = await tx.rows<Row>(sql`
    select r.id as "runId", r.number as "runNumber", r.kind, l.lane,
      (select count(*) from lane other where other.run_id = r.id) as lanes,
      d.id as "destinationId", d.name, d.type, d.settings_sealed as "settingsSealed",
      r.actions, ${triggersOfRun} as triggers, r.from_position as "fromPosition", r.to_position as "toPosition", r.selection, r.mode,
      r.new_ids as "newIds", coalesce(r.request ->> 'integrations', 'honour') as integrations, coalesce((r.request ->> 'marker')::boolean, false) as marker, coalesce(r.request ->> 'profiles', 'all') as profiles, d.sources, r.order_by as "orderBy", ${desiredOfHolder} as desired, r.revision,
      r.events_per_second as "eventsPerSecond", r.max_concurrent as "maxConcurrent", r.schedule, ${accountWanted} as account,
      l.bucket_from as "bucketFrom", l.bucket_to as "bucketTo", l.mark, l.counts, l.ahead, l.read_to as "readTo", l.samples, l.state,
      l.state_reason as "stateReason", l.streaks, l.hold_ms as "holdMs", l.endings, r.brakes_released as "brakesReleased",
      extract(epoch from clock_timestamp() - l.held_since)::float8 * 1000 as "heldForMs",
      case when r.canary_passed then null else r.canary end as canary,
      greatest(0, extract(epoch from l.wake_at - clock_timestamp())::float8 * 1000) as "wakeInMs", r.ended_at is not null as ended,
      l.lease_released as released, l.lease_renewals as renewals
    from run r join lane l on l.run_id = r.id join destination d on d.id = r.destination_id
    left join budget b on b.scope = 'destination/' || d.id
    where r.id = ${runId} and l.lane = ${lane}
    for no key update of r, l`);
  return row ?? null;
}

function toTaken(row: Row, token: string, suppressionRevision: number): TakenLane {
  const { destinationId, name, type, settingsSealed } = row;
  const wanted = wantedNow({ ...row, suppressionRevision });
  return {
    ...row,
    token,
    counts: { ...noCounts, ...row.counts },
    ahead: { ...noCounts, ...row.ahead },
    destination: { id: destinationId, name, type, settingsSealed },
    suppressionRevision,
    // Outside the windows nobody was there to find the destination up again.
    heldForMs: row.heldForMs === null ? null : Math.min(row.heldForMs, wanted.openForMs ?? Infinity),
    wanted,
  };
}
