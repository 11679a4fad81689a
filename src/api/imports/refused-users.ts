import { rejectedEvent } from '../../core/new-event.ts';
import type { ImportedRow } from '../../db/imports/commit.ts';
import { refusesSuppressed } from '../../db/sources.ts';
import type { Queryable } from '../../db/sql.ts';
import { suppressedAmong } from '../../db/suppressions.ts';

/** Rejects the rows of users who are suppressed now, where their source refuses such events. */
export async function withoutSuppressed(
  db: Queryable,
  sourceId: string,
  rows: readonly ImportedRow[],
): Promise<readonly ImportedRow[]> {
  if (!(await refusesSuppressed(db, sourceId))) return rows;
  const isSuppressed = await suppressedAmong(
    db,
    rows.flatMap((row) => row.event ?? []),
  );
  if (isSuppressed === null) return rows;
  const receivedAt = new Date(); // a rejected row was received by the import, whatever it says itself
  return rows.map((row) => {
    if (row.event === undefined || !isSuppressed(row.event)) return row;
    const { line, after, event } = row;
    return { line, after, ...rejectedEvent('user_suppressed', event.raw, event, { sourceId, receivedAt }) };
  });
}
