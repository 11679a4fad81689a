import type { ReplayStatus } from '../core/replay-status.ts';
import { leaseIsLive, readRuns, type RunRecord } from './runs.ts';
import { join, sql, type Queryable, type Statement } from './sql.ts';

/** Which replays are meant; an absent member leaves nothing out. */
export interface ReplayFilter {
  readonly destinationId?: string;
  readonly open?: boolean;
  /** One of these. */
  readonly statuses?: readonly ReplayStatus[];
  /** Among a replay's labels, or its name. */
  readonly label?: string;
}

/** Replays, newest first. @param params.before the `number` of the last one of the page before */
export async function listReplays(
  db: Queryable,
  params: ReplayFilter & { readonly before?: number; readonly limit: number },
): Promise<RunRecord[]> {
  const { destinationId, open, statuses, label, before, limit } = params;
  const conditions: Statement[] = [sql`r.kind = 'replay'`];
  if (destinationId !== undefined) conditions.push(sql`r.destination_id = ${destinationId}`);
  if (open !== undefined) conditions.push(sql`(r.ended_at is null) = ${open}`);
  if (statuses !== undefined) conditions.push(sql`(${join(statuses.map(hasStatus), sql` or `)})`);
  if (label !== undefined) conditions.push(sql`(r.label = ${label} or ${label} = any(r.labels))`);
  if (before !== undefined) conditions.push(sql`r.number < ${before}`);
  return await readRuns(db, join(conditions, sql` and `), limit);
}

/** Every lane is free, or its holder has confirmed what is wanted: see `replayStatus`, which this follows. */
const obeyed = sql`not exists (
  select 1 from lane l where l.run_id = r.id and ${leaseIsLive} and l.lease_revision < r.revision)`;

function hasStatus(status: ReplayStatus): Statement {
  const open = (desired: string) => sql`(r.ended_at is null and r.desired = ${desired})`;
  switch (status) {
    case 'planned':
      return sql`(${open('planned')} and not r.held_back)`;
    case 'running':
      return open('running');
    case 'pausing':
      return sql`(${open('paused')} and not ${obeyed})`;
    case 'paused':
      return sql`(${open('paused')} and ${obeyed} or ${open('planned')} and r.held_back)`;
    case 'cancelling':
      return sql`(${open('cancelled')} and not ${obeyed})`;
    case 'cancelled':
      return sql`(r.ended_as = 'cancelled' or ${open('cancelled')} and ${obeyed})`;
    case 'completed':
    case 'completed_with_failures':
    case 'failed':
      return sql`r.ended_as = ${status}`;
  }
}
