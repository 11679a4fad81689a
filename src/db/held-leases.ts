import { sql, type Queryable } from './sql.ts';

/** A lease that somebody holds; he is alive while `renewals` rises. */
export interface HeldLease {
  readonly runId: string;
  readonly lane: number;
  readonly renewals: number;
}

/** All leases that are held. Uses lane_held. */
export async function readHeldLeases(db: Queryable): Promise<HeldLease[]> {
  return await db.rows<HeldLease & Record<string, unknown>>(sql`
    select run_id as "runId", lane, lease_renewals as renewals from lane where not lease_released`);
}
