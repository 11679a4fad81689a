import { randomUUID } from 'node:crypto';
import { bucketCount, type Position } from '../core/event.ts';
import { archiveHead } from './archive/read.ts';
import type { Stretch } from './hand-over.ts';
import { narrowed, type DestinationTakes } from './replay-reach.ts';
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
  const { selection, actions } = await nextStretch(tx, destinationId);
  await tx.run(sql`
    insert into run (id, destination_id, kind, from_position, selection, actions, started_at)
    values (${runId}, ${destinationId}, 'stream', ${seam}, ${JSON.stringify(selection)}::jsonb,
      ${JSON.stringify(actions)}::jsonb, clock_timestamp())`);
  await tx.run(sql`
    insert into lane (run_id, lane, bucket_from, bucket_to, mark)
    values (${runId}, 0, 0, ${bucketCount - 1}, ${seam - 1})`);
  return { runId, seam };
}

/** What a stretch that began now would take, and with which actions: as the destination's rows say. */
async function nextStretch(tx: Queryable, destinationId: string): Promise<Stretch> {
  const [row] = await tx.rows<DestinationTakes & Record<string, unknown>>(
    sql`select sources, filter from destination where id = ${destinationId}`,
  );
  const takes = row ?? { sources: null, filter: null };
  return {
    selection: narrowed({ liveOnly: true }, takes),
    actions: await currentActions(tx, destinationId),
  };
}

/**
 * Makes a destination's stream go on with the sources, the filter and the actions that the destination's rows say now, in the
 * transaction that has changed them. Without a holder the open stretch ends here and now and the next one begins at its
 * mark; else its holder drains first. Nothing happens when nothing has changed, unless a new stretch is wanted all the same.
 */
export async function changeStream(
  tx: Queryable,
  destinationId: string,
  { always = false }: { always?: boolean } = {},
): Promise<void> {
  const stretch = await nextStretch(tx, destinationId);
  const [selection, actions] = [JSON.stringify(stretch.selection), JSON.stringify(stretch.actions)];
  const [run] = await tx.rows<{ id: string }>(sql`
    update run set revision = revision + 1,
      change = jsonb_build_object('selection', ${selection}::jsonb, 'actions', ${actions}::jsonb)
    where destination_id = ${destinationId} and kind = 'stream' and ended_at is null and desired <> 'cancelled'
      and (${always}::boolean or change is not null or selection <> ${selection}::jsonb or actions <> ${actions}::jsonb)
    returning id`);
  if (run !== undefined) await endRunIfDue(tx, run.id);
}

/**
 * Makes everything missing at a destination whose account has changed, in the caller's transaction: what runs up to
 * now have sent no longer counts, and the stream goes on with a stretch that is later than they.
 */
export async function forgetAccount(tx: Queryable, destinationId: string): Promise<void> {
  await tx.run(sql`
    update action set epoch = (select max(number) + 1 from run) where destination_id = ${destinationId}
      and exists (select 1 from run)`);
  await changeStream(tx, destinationId, { always: true });
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
