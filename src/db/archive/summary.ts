import { sql, type Queryable } from '../sql.ts';

/** Counting goes no further than this, so that asking costs the same however large the archive grows. */
const countedUpTo = 2_000_000;

export interface ArchiveSummary {
  /** Exact, unless `more`. */
  readonly events: number;
  /** There are more events than `events`. */
  readonly more: boolean;
  /** When the first and the last of them were received; null when the archive is empty or was not counted to its end. */
  readonly from: Date | null;
  readonly to: Date | null;
}

/** How much the archive holds, for a person to see. Reads at most `countedUpTo` rows in position order. */
export async function archiveSummary(db: Queryable): Promise<ArchiveSummary> {
  const [row] = await db.rows<{ events: number; from: Date | null; to: Date | null }>(sql`
    select count(*) as events, min(received_at) as "from", max(received_at) as "to"
    from (select received_at from event order by position limit ${countedUpTo + 1}) as counted`);
  if (row === undefined) throw new Error('an aggregate gave no row');
  const more = row.events > countedUpTo;
  return more ? { events: countedUpTo, more, from: null, to: null } : { ...row, more };
}
