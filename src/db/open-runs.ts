import { leaseIsLive } from './runs.ts';
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
  /** Somebody renews a lane's lease. */
  readonly worked: boolean;
  /** A stream at the head of the archive: its workflow sleeps until it is woken. */
  readonly parked: boolean;
  /** A wish was written of which a lane knows nothing, and nobody who holds the lane will come to know of it. */
  readonly unheard: boolean;
}

/** A lane that is done has nothing to hear: what makes it ready again needs no wish. */
const unheard = sql`(l.lease_revision < r.revision and l.state <> 'done' and not ${leaseIsLive})`;

/** All runs that should have a workflow. */
export async function readOpenRuns(db: Queryable): Promise<OpenRun[]> {
  return await db.rows<OpenRun & { runId: string }>(sql`
    select r.id as "runId", r.destination_id as "destinationId", r.kind, r.label, count(*) as lanes, r.mode = 'failed' as "takesUp",
      bool_or(${leaseIsLive}) as worked, bool_and(l.state = 'parked') as parked,
      bool_or(${unheard}) as unheard
    from run r join lane l on l.run_id = r.id
    where r.ended_at is null and r.desired <> 'planned'
    group by r.id`);
}

/**
 * Claims the right to wake a run's workflow, at most once a minute: while no worker runs, each wake-up would only
 * lengthen its history.
 */
export async function claimWake(db: Queryable, runId: string): Promise<boolean> {
  const claimed = await db.run(sql`
    update lane l set woken_at = clock_timestamp()
    from run r
    where l.run_id = ${runId} and r.id = l.run_id and ${unheard}
      and (l.woken_at is null or l.woken_at < clock_timestamp() - interval '1 minute')`);
  return claimed > 0;
}
