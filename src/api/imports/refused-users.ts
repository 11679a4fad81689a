import { rejectedEvent, type UserIds } from '../../core/new-event.ts';
import type { ImportedRow } from '../../db/imports/commit.ts';
import { refusesSuppressed } from '../../db/sources.ts';
import type { Queryable } from '../../db/sql.ts';
import { suppressedAmong } from '../../db/suppressions.ts';

/** How long a source's setting is trusted, as live events trust it: a change holds within it; milliseconds. */
const trustMs = 1_000;

/** Rejects the rows of users who are suppressed now, where their source refuses such events. */
export type RefuseUsers = (rows: readonly ImportedRow[]) => Promise<readonly ImportedRow[]>;

/** Whether the source refuses is asked once in a while, who is suppressed for all the rows of each call. */
export function openRefusedUsers(db: Queryable, sourceId: string): RefuseUsers {
  let refuses = false;
  let until = Number.NEGATIVE_INFINITY;
  return async (rows) => {
    const now = performance.now();
    if (now >= until) {
      refuses = await refusesSuppressed(db, sourceId);
      until = now + trustMs;
    }
    return refuses ? await withoutSuppressed(db, sourceId, rows) : rows;
  };
}

async function withoutSuppressed(
  db: Queryable,
  sourceId: string,
  rows: readonly ImportedRow[],
): Promise<readonly ImportedRow[]> {
  const isSuppressed = await suppressedAmong(db, rows.flatMap(usersOf));
  if (isSuppressed === null) return rows;
  const receivedAt = new Date(); // a rejected row was received by the import, whatever it says itself
  return rows.map((row) => {
    if (!usersOf(row).some(isSuppressed)) return row;
    const { line, after } = row;
    const { raw, messageId } = row.event ?? row.rejected;
    return { line, after, ...rejectedEvent('user_suppressed', raw, { messageId }, { sourceId, receivedAt }) };
  });
}

function usersOf({ event, rejected }: ImportedRow): readonly UserIds[] {
  return event === undefined ? rejected.users : [event];
}
