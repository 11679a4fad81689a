import { retryObstacleOf, type KeptArrival, type RetryObstacle } from '../core/kept-arrival.ts';
import type { RejectedEvent } from '../core/new-event.ts';
import {
  giveReasons,
  lastRejected,
  readmit,
  readRejected,
  type KeptRejection,
  type Readmission,
} from '../db/archive/readmit.ts';
import type { RejectedFilter } from '../db/archive/rejected.ts';
import type { Queryable } from '../db/sql.ts';
import { suppressedAmong } from '../db/suppressions.ts';
import type { ApiDeps } from './deps.ts';
import { readAgain } from './tracking/read-again.ts';

/** What one append takes, so that live events do not wait for long. */
const chunkEvents = 100;
const chunkBytes = 1_048_576;
/** No chunk is begun after so many milliseconds. */
const workMs = 5_000;

/** Where a retry stands: behind this id, with that one as its last. */
export type RetryPlace = readonly [after: number, upTo: number];

/** What a retry has done. Counts of events, but for `impossible`, which are entries of the list. */
export interface RetryEnd {
  accepted: number;
  duplicates: number;
  rejected: number;
  readonly impossible: Map<RetryObstacle, number>;
  /** Where to go on; null: all that were meant have been tried. */
  next: RetryPlace | null;
}

/**
 * Sends rejected events through their doors again, in the order in which they were rejected, for some seconds. Those
 * that are accepted leave the list, the others stay with the reason that holds now.
 * @param place where the call before ended; null: from the start, up to what is rejected by now
 */
export async function retryRejected(
  deps: Pick<ApiDeps, 'db' | 'stopping' | 'dedupeWindow'>,
  filter: RejectedFilter,
  place: RetryPlace | null,
): Promise<RetryEnd> {
  const { db, stopping } = deps;
  const deadline = performance.now() + workMs;
  const end: RetryEnd = { accepted: 0, duplicates: 0, rejected: 0, impossible: new Map(), next: null };
  let [after, upTo] = place ?? [0, await lastRejected(db)];
  for (;;) {
    const chunk = { ...filter, after, upTo, limit: chunkEvents, bytes: chunkBytes };
    const rows = await readRejected(db, chunk);
    const last = rows.at(-1);
    if (last === undefined) return end;
    const { readmissions, refused } = await sorted(db, rows, end.impossible);
    await giveReasons(db, refused);
    const { appended, duplicates, rejected } = await readmit(db, readmissions, deps);
    end.accepted += appended;
    end.duplicates += duplicates;
    end.rejected += rejected + refused.length;
    after = last.id;
    if (performance.now() > deadline || stopping.aborted) {
      end.next = [after, upTo];
      return end;
    }
  }
}

async function sorted(db: Queryable, rows: readonly KeptRejection[], impossible: Map<RetryObstacle, number>) {
  const possible = rows.flatMap((row) => {
    const kept = keptEvent(row, impossible);
    return kept === null ? [] : { kept, read: readAgain(kept) };
  });
  const isSuppressed = await suppressedAmong(
    db,
    possible.flatMap(({ kept, read }) => (kept.refusesSuppressed ? (read.events ?? []) : [])),
  );
  const readmissions: Readmission[] = [];
  const refused: (Pick<RejectedEvent, 'code' | 'message'> & { readonly id: number })[] = [];
  for (const { kept, read } of possible) {
    const { id, refusesSuppressed, source } = kept;
    const { events, rejected } =
      refusesSuppressed && isSuppressed !== null
        ? readAgain({ ...kept, source: { ...source, isSuppressed } })
        : read;
    if (rejected === undefined) readmissions.push({ id, events });
    else refused.push({ id, code: rejected.code, message: rejected.message });
  }
  return { readmissions, refused };
}

/** @returns null when it cannot be read again, which is counted */
function keptEvent(row: KeptRejection, impossible: Map<RetryObstacle, number>) {
  const arrival = row.arrival === null ? null : (JSON.parse(row.arrival) as KeptArrival);
  const obstacle = retryObstacleOf(row.code, arrival?.door ?? null);
  if (obstacle !== null) impossible.set(obstacle, (impossible.get(obstacle) ?? 0) + 1);
  if (obstacle !== null || arrival === null || arrival.door === 'csv') return null;
  const { id, raw, receivedAt, refusesSuppressed, sourceId, origin, maxEventBytes } = row;
  return { id, raw, receivedAt, arrival, refusesSuppressed, source: { sourceId, origin, maxEventBytes } };
}
