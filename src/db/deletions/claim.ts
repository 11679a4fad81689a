import { randomUUID } from 'node:crypto';
import type { PersonId } from '../../core/named-person.ts';
import type { Database } from '../database.ts';
import { sql, type Queryable, type Statement } from '../sql.ts';
import { lift } from '../suppressions.ts';

/** A deletion that this process does. */
export interface ClaimedDeletion {
  readonly id: string;
  readonly worker: string;
  readonly person: PersonId;
  readonly revision: number;
}

/** Somebody else does the deletion. */
export class DeletionLost extends Error {}

/** The deletion that nobody does for the longest time, claimed; null when there is none. One that fails holds up no other. */
export async function claimDeletion(db: Queryable): Promise<ClaimedDeletion | null> {
  const worker = randomUUID();
  const [row] = await db.rows<{
    id: string;
    userId: string | null;
    anonymousId: string | null;
    revision: number;
  }>(sql`
    update deletion d set worker = ${worker}, renewed_at = clock_timestamp()
    where d.id = (
      select id from deletion
      where ended_at is null and (worker is null or renewed_at < clock_timestamp() - interval '10 s')
      order by coalesce(renewed_at, asked_at) limit 1 for update skip locked)
    returning d.id, d.user_id as "userId", d.anonymous_id as "anonymousId", d.revision`);
  if (row === undefined) return null;
  const { id, userId, anonymousId, revision } = row;
  return { id, worker, person: { userId, anonymousId } as PersonId, revision };
}

/**
 * Does one step of a deletion and counts what it changed, in one transaction that only its claim's holder commits.
 * @param table by which it is counted
 * @param also further columns of the deletion to set
 * @throws DeletionLost
 */
export async function deletionStep(
  db: Database,
  claim: ClaimedDeletion,
  step: { readonly table: string; readonly also?: Statement },
  work: (tx: Queryable) => Promise<number>,
): Promise<number> {
  return await db.transaction(async (tx) => {
    const changed = await work(tx);
    const held = await tx.run(sql`
      update deletion set renewed_at = clock_timestamp(), deleted = jsonb_set(deleted, array[${step.table}]::text[],
        to_jsonb(coalesce((deleted ->> ${step.table})::bigint, 0) + ${changed}::bigint))
        ${step.also === undefined ? sql`` : sql`, ${step.also}`}
      where id = ${claim.id} and worker = ${claim.worker}`);
    if (held === 0) throw new DeletionLost(`deletion ${claim.id} is done by somebody else`);
    return changed;
  });
}

/** Goes on holding a deletion. @throws DeletionLost */
export async function renewDeletion(db: Queryable, claim: ClaimedDeletion): Promise<void> {
  const held = await db.run(sql`
    update deletion set renewed_at = clock_timestamp() where id = ${claim.id} and worker = ${claim.worker}`);
  if (held === 0) throw new DeletionLost(`deletion ${claim.id} is done by somebody else`);
}

/** Gives a deletion back before its end: another one may go on at once. */
export async function releaseDeletion(db: Queryable, claim: ClaimedDeletion): Promise<void> {
  await db.run(sql`update deletion set worker = null where id = ${claim.id} and worker = ${claim.worker}`);
}

/** Notes since when every live lease has confirmed the suppression; the first note stays. */
export async function noteHeard(db: Queryable, claim: ClaimedDeletion): Promise<void> {
  await db.run(
    sql`update deletion set heard_at = coalesce(heard_at, clock_timestamp()) where id = ${claim.id}`,
  );
}

/**
 * Whether nothing that was in flight when the suppression was confirmed can be written down any more: each lane was
 * given back since, or has committed late enough, or its holder is gone for so long that he will not come back.
 * @param flightMs the longest that a request may take
 */
export async function flightsOver(db: Queryable, claim: ClaimedDeletion, flightMs: number): Promise<boolean> {
  const [row] = await db.rows<{ over: boolean }>(sql`
    select not exists (
      select 1 from lane l
      where not l.lease_released and l.lease_renewed_at > clock_timestamp() - interval '3 minutes'
        and l.lease_renewed_at < d.heard_at + make_interval(secs => ${flightMs / 1000}::float8)) as over
    from deletion d where d.id = ${claim.id}`);
  return row?.over ?? true;
}

/**
 * Ends a deletion: who it was about is left out of it, and the suppression that it made ends with it unless it is to
 * stay.
 * @throws DeletionLost
 */
export async function endDeletion(db: Database, claim: ClaimedDeletion): Promise<void> {
  await db.transaction(async (tx) => {
    // In the order in which askDeletion locks them.
    await tx.run(sql`select 1 from suppression_revision for update`);
    const [row] = await tx.rows<{ suppressionId: string; lifts: boolean }>(sql`
      update deletion set through_position = scanned_to, user_id = null, anonymous_id = null, worker = null,
        ended_at = clock_timestamp()
      where id = ${claim.id} and worker = ${claim.worker}
      returning suppression_id as "suppressionId", own_suppression and not suppress as lifts`);
    if (row === undefined) throw new DeletionLost(`deletion ${claim.id} is done by somebody else`);
    if (row.lifts) await lift(tx, row.suppressionId);
  });
}
