import { countedEvents, noCounts, sumCounts, type Counts } from '../core/counts.ts';
import type { Position } from '../core/event.ts';
import { isDecidedInCode } from '../core/event-filters.ts';
import type { Samples } from '../core/samples.ts';
import { leaseSeenLiveMs } from '../core/lease.ts';
import type { Canary, ReplayRange } from '../core/replay-request.ts';
import { standingAt, type Opening, type Schedule, type ScheduleStanding } from '../core/replay-schedule.ts';
import type { Ending, Desired, HolderWish, LaneFacts } from '../core/replay-status.ts';
import type { Selection } from '../core/selection.ts';
import { sql, type Queryable, type Statement } from './sql.ts';

/** An action in the version that a run works with. */
export interface PinnedAction {
  readonly actionId: string;
  readonly version: number;
}

/** One lane as a reader sees it. */
export interface LaneRecord extends LaneFacts {
  readonly lane: number;
  readonly mark: Position;
  readonly markReceivedAt: Date | null;
  /** Of all that is settled, up to the mark and above it. */
  readonly counts: Counts;
  readonly samples: Samples;
  /** Dead letters of a replay, by kind of failure. */
  readonly deadByClass: Readonly<Record<string, number>>;
  readonly rate: number;
}

/** One replay, or one stretch of a stream, with its lanes. */
export interface RunRecord {
  readonly id: string;
  readonly number: number;
  readonly destinationId: string;
  readonly kind: 'replay' | 'stream';
  readonly parentId: string | null;
  readonly label: string | null;
  readonly labels: readonly string[];
  readonly note: string | null;
  /** As it was asked for, but for its range, which is as it is wanted now. */
  readonly request: Record<string, unknown>;
  /** The range that it was first asked for, once that was changed; null: its request has it. */
  readonly firstRange: ReplayRange | null;
  readonly cutToStream: boolean;
  /** What was asked for and was not kept any more when it was made. */
  readonly unreachable: { readonly toPosition: number; readonly before: string } | null;
  readonly fromPosition: Position;
  readonly toPosition: Position | null;
  readonly mode: 'missing' | 'all' | 'failed';
  readonly newIds: boolean;
  readonly actions: readonly PinnedAction[];
  readonly orderBy: 'user' | 'strict' | 'none';
  readonly canary: Canary | null;
  /** The canary went well, or a person approved it. */
  readonly canaryPassed: boolean;
  /** Brakes that a person has resumed past: they stop this run no more. */
  readonly brakesReleased: readonly string[];
  readonly desired: Desired;
  /** It is planned, and a person has paused it: it does not begin before it is resumed. */
  readonly heldBack: boolean;
  /** It is to change as soon as nobody holds a lane: another stretch follows a stream's, a replay gets another range. */
  readonly changing: boolean;
  /** Deliveries that wait are to be given up on as soon as nobody holds a lane. */
  readonly givingUp: boolean;
  readonly eventsPerSecond: number | null;
  readonly maxConcurrent: number | null;
  readonly revision: number;
  readonly selected: number;
  /** Not all dead letters that it takes up are marked yet: until then it sends nothing. */
  readonly takesUp: boolean;
  /** False while `selected` is still being counted, or an estimate: of what only events themselves tell, until the end. */
  readonly selectedExact: boolean;
  readonly statusReason: string | null;
  /** When it begins and sends, as it is wanted now; null: at once, and always. */
  readonly schedule: Schedule | null;
  readonly standing: ScheduleStanding;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly endedAs: Ending | null;
  readonly lanes: readonly LaneRecord[];
}

type LaneJson = Omit<LaneRecord, 'markReceivedAt' | 'wakeAt' | 'counts'> & {
  counts: Partial<Counts>;
  ahead: Partial<Counts>;
  markReceivedAt: string | null;
  wakeAt: string | null;
};
type RunRow = Omit<RunRecord, 'lanes' | 'standing'> & {
  lanes: LaneJson[];
  now: number;
  selection: Selection;
};

/** Whether somebody renews a lane's lease, as far as Postgres time tells. */
export const leaseIsLive = sql`(not l.lease_released and
  l.lease_renewed_at > clock_timestamp() - make_interval(secs => ${leaseSeenLiveMs / 1000}::float8))`;

/**
 * What a holder of one of its lanes is to do: to make way for a change, a stream's stretch ends as if it were cancelled
 * (another one follows), and a replay stops as if it were paused. To give up on what waits, either stops so.
 */
export const desiredOfHolder = sql`case
  when r.desired = 'cancelled' or r.change is null and r.give_up is null then r.desired
  when r.change is not null and r.kind = 'stream' then 'cancelled' else 'paused' end`;

/** The same of a record, by its schedule as well. */
export function desiredOfHolderOf({ changing, givingUp, desired, kind, standing }: RunRecord): HolderWish {
  if ((!changing && !givingUp) || desired === 'cancelled') return bySchedule(desired, standing.opening);
  return changing && kind === 'stream' ? 'cancelled' : 'paused';
}

/** What is wanted of a holder when its replay's windows are looked at, too. */
export function bySchedule(desired: Desired, { kind }: Opening): HolderWish {
  return desired === 'running' && kind === 'closed' ? 'closed' : desired;
}

/** Postgres' time, by which schedules go, in milliseconds since 1970. */
export const nowMs = sql`extract(epoch from clock_timestamp())::float8 * 1000`;

const laneRows = sql`(
  select coalesce(json_agg(json_build_object(
      'lane', l.lane, 'mark', l.mark, 'markReceivedAt', l.mark_received_at, 'counts', l.counts, 'ahead', l.ahead,
      'samples', l.samples, 'deadByClass', l.dead_by_class,
      'rate', l.rate,
      'leaseLive', ${leaseIsLive}, 'leaseRevision', l.lease_revision,
      'unworkedMs', extract(epoch from clock_timestamp() - coalesce(l.lease_renewed_at, r.created_at)) * 1000,
      'state', l.state,
      'stateReason', l.state_reason, 'wakeAt', l.wake_at
    ) order by l.lane), '[]')
  from lane l where l.run_id = r.id)`;

/** Runs that meet a condition over `run r`, newest first, each with its lanes. Uses run_pkey or run_destination. */
export async function readRuns(db: Queryable, where: Statement, limit = 1_000): Promise<RunRecord[]> {
  const rows = await db.rows<RunRow>(sql`
    select r.id, r.number, r.destination_id as "destinationId", r.kind, r.parent_id as "parentId", r.label, r.labels, r.note, r.request, r.first_range as "firstRange",
      r.cut_to_stream as "cutToStream", r.unreachable, r.from_position as "fromPosition", r.to_position as "toPosition", r.mode,
      r.new_ids as "newIds", r.actions, r.order_by as "orderBy", r.canary, r.canary_passed as "canaryPassed",
      r.brakes_released as "brakesReleased", r.desired, r.held_back as "heldBack", r.change is not null as changing, r.give_up is not null as "givingUp", r.events_per_second as "eventsPerSecond",
      r.max_concurrent as "maxConcurrent", r.revision, r.selection, r.selected,
      r.take_up is not null as "takesUp",
      coalesce(r.counted_to >= r.to_position, true) as "selectedExact", r.status_reason as "statusReason", r.schedule, ${nowMs} as now,
      r.created_at as "createdAt", r.started_at as "startedAt", r.ended_at as "endedAt", r.ended_as as "endedAs",
      ${laneRows} as lanes
    from run r where ${where} order by r.number desc limit ${limit}`);
  return rows.map(({ now, lanes, selection, ...row }) => {
    const run = { ...row, standing: standingAt(row.schedule, now), lanes: lanes.map(toLane) };
    return isDecidedInCode(selection) ? { ...run, ...estimated(run) } : run;
  });
}

/** The actions that a destination has now, each in its newest version. */
export async function currentActions(
  db: Queryable,
  destinationId: string,
  only: readonly string[] | null = null,
): Promise<PinnedAction[]> {
  return await db.rows<{ actionId: string; version: number }>(sql`
    select a.id as "actionId", max(v.version) as version
    from action a join action_version v on v.action_id = a.id
    where a.destination_id = ${destinationId} and a.deleted_at is null
      and (${only === null} or a.id = any(${[...(only ?? [])]}::uuid[]))
    group by a.id, a.created_at order by a.created_at, a.id`);
}

/**
 * How many events a run selects of which its row says only how many columns let through: as many more as there were in
 * the positions that its lanes have passed. Known at the end.
 */
function estimated(run: RunRecord): Pick<RunRecord, 'selected' | 'selectedExact'> {
  const known = countedEvents(sumCounts(run.lanes.map(({ counts }) => counts)));
  if (run.endedAs === 'completed' || run.endedAs === 'completed_with_failures')
    return { selected: known, selectedExact: true };
  const first = run.fromPosition - 1;
  const length = (run.toPosition ?? first) - first;
  const passed = run.lanes.reduce((sum, { mark }) => sum + (mark - first), 0) / run.lanes.length;
  const likely = passed <= 0 ? run.selected : Math.round((known * length) / passed);
  const most = run.selectedExact ? run.selected : Infinity;
  return { selected: Math.max(known, Math.min(likely, most)), selectedExact: false };
}

function toLane({ ahead, ...lane }: LaneJson): LaneRecord {
  return {
    ...lane,
    counts: sumCounts([lane.counts, ahead].map((counts) => ({ ...noCounts, ...counts }))),
    markReceivedAt: time(lane.markReceivedAt),
    wakeAt: time(lane.wakeAt),
  };
}

const time = (text: string | null): Date | null => (text === null ? null : new Date(text));
