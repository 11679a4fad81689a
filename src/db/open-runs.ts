import { leaseIsLive } from './runs.ts';
import { sql, type Queryable } from './sql.ts';

/** An open run as the reconciler looks at it. */
export interface OpenRun {
  readonly runId: string;
  readonly destinationId: string;
  readonly kind: 'replay' | 'stream';
  readonly lanes: number;
  /** Somebody renews a lane's lease. */
  readonly worked: boolean;
  /** A stream at the head of the archive: its workflow sleeps until it is woken. */
  readonly parked: boolean;
  /** A wish was written that no lane has confirmed yet. */
  readonly unheard: boolean;
}

/** All runs that should have a workflow. */
export async function readOpenRuns(db: Queryable): Promise<OpenRun[]> {
  return await db.rows<OpenRun & { runId: string }>(sql`
    select r.id as "runId", r.destination_id as "destinationId", r.kind, count(*) as lanes,
      bool_or(${leaseIsLive}) as worked, bool_and(l.state = 'parked') as parked,
      bool_or(l.lease_revision < r.revision) as unheard
    from run r join lane l on l.run_id = r.id
    where r.ended_at is null and r.desired <> 'planned'
    group by r.id`);
}

/**
 * Streams that are parked below the head of the archive, or have a retry due or a wish not heard yet, each claimed for
 * this caller: nobody else gets it for five seconds, after which it counts as not woken. One that is paused only hears
 * of that.
 */
export async function claimParked(db: Queryable, head: number): Promise<{ destinationId: string }[]> {
  return await db.rows<{ destinationId: string }>(sql`
    update lane l set woken_at = clock_timestamp()
    from run r
    where r.id = l.run_id and l.state = 'parked' and r.ended_at is null
      and (l.woken_at is null or l.woken_at < clock_timestamp() - interval '5 s')
      and (l.lease_revision < r.revision
        or r.desired = 'running' and (l.mark < ${head} or l.wake_at <= clock_timestamp()))
    returning r.destination_id as "destinationId"`);
}

/**
 * Claims the right to wake a run's workflow, at most once a minute: while no worker runs, each wake-up would only
 * lengthen its history.
 */
export async function claimWake(db: Queryable, runId: string): Promise<boolean> {
  const claimed = await db.run(sql`
    update lane set woken_at = clock_timestamp()
    where run_id = ${runId} and (woken_at is null or woken_at < clock_timestamp() - interval '1 minute')`);
  return claimed > 0;
}
