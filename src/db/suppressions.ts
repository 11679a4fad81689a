import type { IsSuppressed } from '../core/new-event.ts';
import { textArray } from './archive/binary-array.ts';
import { lookUpText } from './archive/look-up-text.ts';
import { atMicroseconds, microsecondsOf } from './instant.ts';
import { leaseIsLive } from './runs.ts';
import { join, sql, type Queryable, type Statement } from './sql.ts';

/** Who may not be sent to: one of the two ids, as the archive's look-up columns have it. */
export interface SuppressedId {
  readonly userId: string | null;
  readonly anonymousId: string | null;
}

/** One user to whom nothing is sent, or was not until it was lifted. */
export interface SuppressionRecord extends SuppressedId {
  readonly id: string;
  readonly reason: string | null;
  /** Of its last change: whoever has heard of this revision obeys it. */
  readonly revision: number;
  readonly createdAt: Date;
  readonly liftedAt: Date | null;
}

/** Where a page of suppressions ended: time of creation in microseconds since the epoch, and id. */
export type SuppressionPlace = readonly [createdMicroseconds: number, id: string];

type Row = SuppressionRecord & { createdMicroseconds: number };

/**
 * Forbids sending to users, in the caller's transaction. Who is suppressed already stays as he is, with the reason
 * that he was given first.
 * @returns the suppressions in force, one for each distinct id, in the order asked
 */
export async function suppress(
  tx: Queryable,
  asked: { ids: readonly SuppressedId[]; reason: string | null },
): Promise<SuppressionRecord[]> {
  const known = await lockRevision(tx);
  const ids = sql`(
    select user_id, anonymous_id, min(place) as place
    from unnest(${asked.ids.map((id) => id.userId)}::text[], ${asked.ids.map((id) => id.anonymousId)}::text[])
      with ordinality as asked(user_id, anonymous_id, place)
    group by user_id, anonymous_id)`;
  const inForce = sql`s.lifted_at is null and (s.user_id = a.user_id or s.anonymous_id = a.anonymous_id)`;
  const added = await tx.run(sql`
    insert into suppression (id, user_id, anonymous_id, reason, revision)
    select gen_random_uuid(), user_id, anonymous_id, ${asked.reason}, ${known} + row_number() over (order by place)
    from ${ids} a where not exists (select 1 from suppression s where ${inForce})`);
  await raiseRevision(tx, added);
  return await tx.rows<Row>(sql`
    select ${columns} from ${ids} a join suppression s on ${inForce} order by a.place`);
}

/**
 * Allows sending to a user again, in the caller's transaction; what was not sent meanwhile is missing. One that was
 * lifted before stays as it is.
 * @returns the suppression as it then stands, null when there is none of this id
 */
export async function lift(tx: Queryable, id: string): Promise<SuppressionRecord | null> {
  const known = await lockRevision(tx);
  const lifted = await tx.run(sql`
    update suppression set lifted_at = clock_timestamp(), revision = ${known} + 1
    where id = ${id} and lifted_at is null`);
  await raiseRevision(tx, lifted);
  return await getSuppression(tx, id);
}

/** One suppression, null when there is none of this id. */
export async function getSuppression(db: Queryable, id: string): Promise<SuppressionRecord | null> {
  return (await getSuppressions(db, [id]))[0] ?? null;
}

/** The suppressions of these ids that there are, in the order asked. */
export async function getSuppressions(db: Queryable, ids: readonly string[]): Promise<SuppressionRecord[]> {
  return await db.rows<Row>(sql`
    select ${columns} from unnest(${[...ids]}::uuid[]) with ordinality as asked(id, place)
    join suppression s on s.id = asked.id order by asked.place`);
}

/** Suppressions, newest first. @param params.after where the page before ended */
export async function listSuppressions(
  db: Queryable,
  params: {
    userId?: string;
    anonymousId?: string;
    lifted?: boolean;
    after?: SuppressionPlace;
    limit: number;
  },
): Promise<(SuppressionRecord & { place: SuppressionPlace })[]> {
  const { userId, anonymousId, lifted, after } = params;
  const conditions: Statement[] = [sql`true`];
  if (userId !== undefined) conditions.push(sql`s.user_id = ${userId}`);
  if (anonymousId !== undefined) conditions.push(sql`s.anonymous_id = ${anonymousId}`);
  if (lifted !== undefined) conditions.push(sql`(s.lifted_at is not null) = ${lifted}`);
  if (after !== undefined) {
    conditions.push(sql`(s.created_at, s.id) < (${atMicroseconds(after[0])}, ${after[1]}::uuid)`);
  }
  const rows = await db.rows<Row>(sql`
    select ${columns}, ${microsecondsOf(sql`s.created_at`)} as "createdMicroseconds" from suppression s
    where ${join(conditions, sql` and `)} order by s.created_at desc, s.id desc limit ${params.limit}`);
  return rows.map(({ createdMicroseconds, ...row }) => ({
    ...row,
    place: [createdMicroseconds, row.id] as const,
  }));
}

/**
 * What has changed since a revision, in the order of the changes: the last one of an id holds. One statement, whose
 * snapshot has every row up to the revision that it answers. Uses the unique index on revision.
 * @param since the revision that the caller knows; 0: none, and then what was lifted is left out
 */
export async function readSuppressions(
  db: Queryable,
  since: number,
): Promise<{
  revision: number;
  changed: { userId: string | null; anonymousId: string | null; lifted: boolean }[];
}> {
  const rows = await db.rows<SuppressedId & { known: number; revision: number | null; lifted: boolean }>(sql`
    select k.revision as known, s.revision, s.user_id as "userId", s.anonymous_id as "anonymousId",
      s.lifted_at is not null as lifted
    from suppression_revision k
    left join suppression s on s.revision > ${since} and (s.lifted_at is null or ${since > 0}::boolean)
    order by s.revision`);
  const changed = rows.filter((row) => row.revision !== null);
  return {
    revision: rows[0]!.known,
    changed: changed.map(({ userId, anonymousId, lifted }) => ({ userId, anonymousId, lifted })),
  };
}

/** Longer ids, in UTF-16 code units, are nobody's who is suppressed: no index takes them, and no request either. */
const maxIdLength = 2_000;

/**
 * Who of the users of some events is suppressed at this moment: one look-up of both unique indexes.
 * @returns null when nobody is
 */
export async function suppressedAmong(
  db: Queryable,
  events: readonly SuppressedId[],
): Promise<IsSuppressed | null> {
  const users = distinctIds(events.map(({ userId }) => userId));
  const anonymous = distinctIds(events.map(({ anonymousId }) => anonymousId));
  if (users.length + anonymous.length === 0) return null;
  // The limit keeps Postgres from reading all suppressions where it thinks that it is asked for many.
  const rows = await db.rows<SuppressedId & { [column: string]: unknown }>(sql`
    select found.user_id as "userId", null as "anonymousId" from unnest(${textArray(users)}::text[]) as asked (id),
      lateral (select user_id from suppression where user_id = asked.id and lifted_at is null limit 1) as found
    union all
    select null, found.anonymous_id from unnest(${textArray(anonymous)}::text[]) as asked (id),
      lateral (select anonymous_id from suppression
        where anonymous_id = asked.id and lifted_at is null limit 1) as found`);
  if (rows.length === 0) return null;
  const found = {
    users: new Set(rows.map(({ userId }) => userId)),
    anonymous: new Set(rows.map(({ anonymousId }) => anonymousId)),
  };
  return ({ userId, anonymousId }) =>
    (userId !== null && found.users.has(lookUpText(userId))) ||
    (anonymousId !== null && found.anonymous.has(lookUpText(anonymousId)));
}

function distinctIds(ids: readonly (string | null)[]): string[] {
  const short = ids.filter((id) => id !== null && id.length <= maxIdLength);
  return [...new Set(short.map((id) => lookUpText(id!)))];
}

/**
 * The revision that every live lease has confirmed; Infinity when no lane is held. Whoever takes a lane later reads the
 * suppressions before he sends.
 */
export async function heardRevision(db: Queryable): Promise<number> {
  const [row] = await db.rows<{ heard: number | null }>(sql`
    select min(l.suppression_revision) as heard from lane l where ${leaseIsLive}`);
  return row?.heard ?? Number.POSITIVE_INFINITY;
}

/** Whether a change is obeyed everywhere: no live lease has confirmed less than its revision. */
export async function suppressionHeard(db: Queryable, revision: number): Promise<boolean> {
  return (await heardRevision(db)) >= revision;
}

const columns = sql`s.id, s.user_id as "userId", s.anonymous_id as "anonymousId", s.reason, s.revision,
  s.created_at as "createdAt", s.lifted_at as "liftedAt"`;

/** Makes changes wait for one another, so that revisions become visible in their order. @returns the last one */
async function lockRevision(tx: Queryable): Promise<number> {
  const [row] = await tx.rows<{ revision: number }>(
    sql`select revision from suppression_revision for update`,
  );
  return row!.revision;
}

async function raiseRevision(tx: Queryable, by: number): Promise<void> {
  if (by > 0) await tx.run(sql`update suppression_revision set revision = revision + ${by}`);
}
