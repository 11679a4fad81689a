import { randomUUID } from 'node:crypto';
import { bucketCount, type Position } from '../core/event.ts';
import { archiveHead } from './archive/read.ts';
import { endRunIfDue } from './run-end.ts';
import { currentActions, readRuns, type RunRecord } from './runs.ts';
import { sql, type Queryable } from './sql.ts';

/** What opening a stream ended in. `stopping`: its last stretch still drains what is in flight; ask again shortly. */
export type OpenStream =
  { readonly kind: 'open'; readonly runId: string; readonly seam: Position } | { readonly kind: 'stopping' };

/**
 * Opens a destination's stream at the head of the archive, in the transaction that creates or enables it. Positions
 * are commit-ordered, so everything up to the head is committed and everything later lies above: the seam is exact.
 * A stream that is open already stays as it is.
 */
export async function openStream(tx: Queryable, destinationId: string): Promise<OpenStream> {
  await tx.rows(sql`select 1 from destination where id = ${destinationId} for no key update`);
  const before = await openStreamRun(tx, destinationId);
  if (before !== null && before.desired !== 'cancelled') {
    return { kind: 'open', runId: before.id, seam: before.fromPosition };
  }
  if (before !== null && (await endRunIfDue(tx, before.id))?.endedAt === null) return { kind: 'stopping' };
  return { kind: 'open', ...(await insertStream(tx, destinationId)) };
}

async function insertStream(
  tx: Queryable,
  destinationId: string,
): Promise<{ runId: string; seam: Position }> {
  const runId = randomUUID();
  const seam = (await archiveHead(tx)) + 1;
  const actions = await currentActions(tx, destinationId);
  await tx.run(sql`
    insert into run (id, destination_id, kind, from_position, selection, actions, started_at)
    select ${runId}, id, 'stream', ${seam},
      jsonb_strip_nulls(jsonb_build_object('liveOnly', true, 'sources', to_jsonb(sources))),
      ${JSON.stringify(actions)}::jsonb, clock_timestamp()
    from destination where id = ${destinationId}`);
  await tx.run(sql`
    insert into lane (run_id, lane, bucket_from, bucket_to, mark)
    values (${runId}, 0, 0, ${bucketCount - 1}, ${seam - 1})`);
  return { runId, seam };
}

/** The open stretch of a destination's stream, null when it has none. */
export async function openStreamRun(db: Queryable, destinationId: string): Promise<RunRecord | null> {
  const where = sql`r.destination_id = ${destinationId} and r.kind = 'stream' and r.ended_at is null`;
  return (await readRuns(db, where))[0] ?? null;
}

/**
 * Pauses or resumes a destination's stream; the mark stays, so a resume catches up.
 * @returns the run as it then stands, null when the destination has no open stream
 */
export async function setStreamDesired(
  db: Queryable,
  destinationId: string,
  desired: 'running' | 'paused',
): Promise<RunRecord | null> {
  await db.run(sql`
    update run set desired = ${desired}, revision = revision + 1
    where destination_id = ${destinationId} and kind = 'stream' and ended_at is null
      and desired not in ('cancelled', ${desired})`);
  return await openStreamRun(db, destinationId);
}

/**
 * Asks a destination's stream to end (disable, delete): its holder drains and the stretch ends at its mark. Without
 * a holder it ends here and now.
 */
export async function endStream(tx: Queryable, destinationId: string, reason: string): Promise<void> {
  await tx.run(sql`
    update run set desired = 'cancelled', revision = revision + 1, status_reason = ${reason}
    where destination_id = ${destinationId} and kind = 'stream' and ended_at is null and desired <> 'cancelled'`);
  const run = await openStreamRun(tx, destinationId);
  if (run !== null) await endRunIfDue(tx, run.id);
}
