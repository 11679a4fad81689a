import { chunkPositions } from '../../core/coverage.ts';
import type { Position } from '../../core/event.ts';
import { lookUpText } from '../archive/look-up-text.ts';
import { sql, type Queryable, type Statement } from '../sql.ts';
import type { SearchOrder, Span } from './stretches.ts';

/** Rows that the lists of a chunk are spread over, so that a look-up reads a few dozen entries of each chunk. */
const buckets = 256;

/** Where the hash of an id leads to. It is Postgres' own, which stays the same over its versions as hash indexes need it. */
const bucketOf = (id: Statement) => sql`(hashtextextended(${id}, 0) & 255)::smallint`;
const restOf = (id: Statement) => sql`((hashtextextended(${id}, 0) >> 8) & 262143)::integer`;

/** Key of the advisory lock under which chunks are summed up, and not while events of a person are being deleted. */
export const chunksLock = 4_712_386;

/** Writes down where in some full chunks people's events are. Runs with their sums, in one transaction. */
export async function listPeople(tx: Queryable, from: number, to: number): Promise<void> {
  await tx.run(sql`
    insert into archive_person
    select ${bucketOf(sql`id`)}, position / ${chunkPositions}::bigint,
      array_agg(distinct ${restOf(sql`id`)} << 13 | (position % ${chunkPositions}::bigint)::integer)
    from event, lateral (values (user_id), (anonymous_id)) ids (id)
    where position between ${from * chunkPositions} and ${(to + 1) * chunkPositions - 1}
      and message_id <> '' and id is not null
    group by 1, 2`);
}

/** The first position that is not listed yet: what is from there on has to be read. */
export async function listedBelow(db: Queryable): Promise<Position> {
  const [row] = await db.rows<{ last: number | null }>(sql`select max(chunk) as last from archive_chunk`);
  return ((row?.last ?? -1) + 1) * chunkPositions;
}

/**
 * Positions in a listed span that may be of these people, by userId or anonymousId: the first of its order, so many at
 * most. One entry in 67 million is somebody else's. Reads one row for each person and chunk.
 */
export async function positionsOfPeople(
  db: Queryable,
  users: readonly string[],
  { span, order, most }: { span: Span; order: SearchOrder; most: number },
): Promise<Position[]> {
  const direction = order === 'newest' ? sql`desc` : sql`asc`;
  const rows = await db.rows<{ position: Position }>(sql`
    select distinct position from (
      select p.chunk * ${chunkPositions}::bigint + (entry & 8191) as position
      from (select distinct ${bucketOf(sql`id`)} as bucket, ${restOf(sql`id`)} as rest
        from unnest(${users.map(lookUpText)}::text[]) id) asked
      join archive_person p on p.bucket = asked.bucket and p.chunk between
        ${Math.floor(span.low / chunkPositions)}::bigint and ${Math.floor(span.high / chunkPositions)}::bigint
      cross join lateral (
        select entry from (select unnest(p.entries) as entry) every where entry >> 13 = asked.rest offset 0) theirs
    ) listed
    where position between ${span.low}::bigint and ${span.high}::bigint
    order by position ${direction} limit ${most}`);
  return rows.map(({ position }) => position);
}

/**
 * Takes events that are being deleted out of the lists. Call {@link holdChunks} before they are.
 * @param stretch where all of them are
 */
export async function unlist(
  tx: Queryable,
  positions: readonly Position[],
  stretch: { from: Position; to: Position },
): Promise<void> {
  if (positions.length === 0) return;
  const isGone = sql`p.chunk * ${chunkPositions}::bigint + (entry & 8191) = any(${positions}::bigint[])`;
  await tx.run(sql`
    update archive_person p set entries = array(select entry from unnest(p.entries) entry where not ${isGone} order by 1)
    from generate_series(0, ${buckets - 1}::integer) every (number)
    where p.bucket = every.number::smallint and p.chunk between ${Math.floor(stretch.from / chunkPositions)}::bigint
      and ${Math.floor(stretch.to / chunkPositions)}::bigint
      and exists (select 1 from unnest(p.entries) entry where ${isGone})`);
}

/** Until the transaction ends no chunk is summed up: it would list what it still saw. */
export async function holdChunks(tx: Queryable): Promise<void> {
  await tx.rows(sql`select pg_advisory_xact_lock(${chunksLock}::bigint)`);
}
