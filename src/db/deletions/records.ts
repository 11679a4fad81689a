import { createHash } from 'node:crypto';
import { idOf, type PersonId } from '../../core/named-person.ts';
import { atMicroseconds, microsecondsOf } from '../instant.ts';
import { sql, type Queryable, type Statement } from '../sql.ts';
import { suppress } from '../suppressions.ts';
import type { Actor } from '../tokens.ts';

/** A person who is to be forgotten, or was. */
export interface DeletionRecord {
  readonly id: string;
  /** Both null once it has ended. */
  readonly userId: string | null;
  readonly anonymousId: string | null;
  readonly subjectHash: Buffer;
  readonly reason: string | null;
  /** He stays suppressed. */
  readonly suppress: boolean;
  readonly suppressionId: string;
  /** Nobody had suppressed him before. */
  readonly ownSuppression: boolean;
  readonly revision: number;
  readonly askedByName: string;
  readonly askedAt: Date;
  readonly heardAt: Date | null;
  readonly scannedTo: number;
  readonly throughPosition: number | null;
  readonly deleted: Readonly<Record<string, number>>;
  readonly endedAt: Date | null;
}

/** Where a page of deletions ended: time of asking in microseconds since the epoch, and id. */
export type DeletionPlace = readonly [askedMicroseconds: number, id: string];

/** What stands in the place of a deleted person's id. */
export const pseudonymOf = (deletionId: string) => `deleted:${deletionId}`;

/** What is kept of whom a deletion was about. */
function subjectHash(deletionId: string, person: PersonId): Buffer {
  const kind = person.userId === null ? 'anonymousId' : 'userId';
  return createHash('sha256')
    .update(`${deletionId}:${kind}:${idOf(person)}`)
    .digest();
}

/**
 * Asks for a person to be forgotten, in the caller's transaction: he is suppressed by it. One that is under way for the
 * same id is taken instead.
 * @returns its id
 */
export async function askDeletion(
  tx: Queryable,
  asked: { id: string; person: PersonId; reason: string | null; suppress: boolean; actor: Actor },
): Promise<string> {
  const { id, person, reason, actor } = asked;
  // Whoever changes suppressions waits here, so what is read next stays as it is until the end.
  const [known] = await tx.rows<{ revision: number }>(
    sql`select revision from suppression_revision for update`,
  );
  const [running] = await tx.rows<{ id: string }>(sql`
    update deletion set suppress = suppress or ${asked.suppress}
    where ended_at is null and (user_id = ${person.userId} or anonymous_id = ${person.anonymousId}) returning id`);
  if (running !== undefined) return running.id;
  const [suppression] = await suppress(tx, { ids: [person], reason });
  await tx.run(sql`
    insert into deletion (id, user_id, anonymous_id, subject_hash, reason, suppress, suppression_id, own_suppression,
      revision, asked_by_id, asked_by_name)
    values (${id}, ${person.userId}, ${person.anonymousId}, ${subjectHash(id, person)}, ${reason}, ${asked.suppress},
      ${suppression!.id}, ${suppression!.revision > known!.revision}, ${suppression!.revision}, ${actor.tokenId},
      ${actor.name})`);
  return id;
}

/** One deletion, null when there is none of this id. */
export async function getDeletion(db: Queryable, id: string): Promise<DeletionRecord | null> {
  return (await read(db, sql`d.id = ${id}`, 1))[0] ?? null;
}

/** Deletions, newest first. @param params.after where the page before ended */
export async function listDeletions(
  db: Queryable,
  params: { after?: DeletionPlace; limit: number },
): Promise<(DeletionRecord & { place: DeletionPlace })[]> {
  const { after, limit } = params;
  const where =
    after === undefined
      ? sql`true`
      : sql`(d.asked_at, d.id) < (${atMicroseconds(after[0])}, ${after[1]}::uuid)`;
  return await read(db, where, limit);
}

async function read(
  db: Queryable,
  where: Statement,
  limit: number,
): Promise<(DeletionRecord & { place: DeletionPlace })[]> {
  const rows = await db.rows<DeletionRecord & { askedMicroseconds: number }>(sql`
    select d.id, d.user_id as "userId", d.anonymous_id as "anonymousId", d.subject_hash as "subjectHash", d.reason,
      d.suppress, d.suppression_id as "suppressionId", d.own_suppression as "ownSuppression", d.revision,
      d.asked_by_name as "askedByName", d.asked_at as "askedAt", d.heard_at as "heardAt",
      d.scanned_to as "scannedTo", d.through_position as "throughPosition", d.deleted, d.ended_at as "endedAt",
      ${microsecondsOf(sql`d.asked_at`)} as "askedMicroseconds"
    from deletion d where ${where} order by d.asked_at desc, d.id desc limit ${limit}`);
  return rows.map(({ askedMicroseconds, ...row }) => ({
    ...row,
    place: [askedMicroseconds, row.id] as const,
  }));
}
