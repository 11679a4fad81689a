import { standingAt, type Schedule } from '../core/replay-schedule.ts';
import type { Desired } from '../core/replay-status.ts';
import { leaseIsLive, nowMs } from './runs.ts';
import { sql, type Queryable } from './sql.ts';

/** An open run as the reconciler looks at it. */
export interface OpenRun {
  readonly runId: string;
  readonly destinationId: string;
  readonly kind: 'replay' | 'stream';
  readonly label: string | null;
  readonly lanes: number;
  /** A replay of failures: it marks the dead letters that it takes up before it sends them. */
  readonly takesUp: boolean;
  /** A replay that is planned for a time of its own: its workflow waits for that. */
  readonly startsLater: boolean;
  /** Somebody renews a lane's lease. */
  readonly worked: boolean;
  /** A stream at the head of the archive: its workflow sleeps until it is woken. */
  readonly parked: boolean;
  /** What a lane knows nothing of, nor anybody who holds it will come to know; null: nothing. */
  readonly wakeFor: WakeFor | null;
}

/**
 * A wish that was written; or a window that has opened, milliseconds since 1970: the workflow's own timer may be late, as it
 * was set by the time of then.
 */
export type WakeFor = 'wish' | { readonly openedAt: number };

interface Row extends Omit<OpenRun, 'wakeFor' | 'startsLater'> {
  desired: Desired;
  schedule: Schedule | null;
  now: number;
  unheard: boolean;
  lastWorkedAt: number | null;
}

/** A lane that is done has nothing to hear: what makes it ready again needs no wish. */
const free = sql`(l.state <> 'done' and not ${leaseIsLive})`;
/** A planned replay has no lanes to work yet: when its time comes, its wish does. */
const unheard = sql`(l.lease_revision < r.revision and r.desired <> 'planned' and ${free})`;
const workedAt = sql`coalesce(l.lease_renewed_at, r.created_at)`;

/** All runs that should have a workflow. */
export async function readOpenRuns(db: Queryable): Promise<OpenRun[]> {
  const rows = await db.rows<Row & { runId: string }>(sql`
    select r.id as "runId", r.destination_id as "destinationId", r.kind, r.label, count(*) as lanes, r.mode = 'failed' as "takesUp",
      bool_or(${leaseIsLive}) as worked, bool_and(l.state = 'parked') as parked, bool_or(${unheard}) as unheard,
      r.desired, r.schedule, ${nowMs} as now,
      extract(epoch from min(${workedAt}) filter (where ${free}))::float8 * 1000 as "lastWorkedAt"
    from run r join lane l on l.run_id = r.id
    where r.ended_at is null and (r.desired <> 'planned' or r.schedule ? 'startAt')
    group by r.id`);
  return rows.map(({ desired, schedule, now, unheard: hasWish, lastWorkedAt, ...run }) => ({
    ...run,
    startsLater: desired === 'planned',
    wakeFor: hasWish ? 'wish' : desired === 'running' ? openedSince(lastWorkedAt, schedule, now) : null,
  }));
}

function openedSince(lastWorkedAt: number | null, schedule: Schedule | null, now: number): WakeFor | null {
  if (schedule === null || lastWorkedAt === null) return null;
  const { openForMs } = standingAt(schedule, now);
  const openedAt = openForMs === null ? null : now - openForMs;
  return openedAt === null || lastWorkedAt >= openedAt ? null : { openedAt };
}

/**
 * Claims the right to wake a run's workflow, at most once a minute: while no worker runs, each wake-up would only
 * lengthen its history.
 */
export async function claimWake(db: Queryable, runId: string, wakeFor: WakeFor = 'wish'): Promise<boolean> {
  const due =
    wakeFor === 'wish'
      ? unheard
      : sql`(${free} and extract(epoch from ${workedAt})::float8 * 1000 < ${wakeFor.openedAt}::float8)`;
  const claimed = await db.run(sql`
    update lane l set woken_at = clock_timestamp()
    from run r
    where l.run_id = ${runId} and r.id = l.run_id and ${due}
      and (l.woken_at is null or l.woken_at < clock_timestamp() - interval '1 minute')`);
  return claimed > 0;
}
