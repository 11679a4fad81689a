import type { Position } from '../../core/event.ts';
import { join, sql, type Queryable, type Statement } from '../sql.ts';
import type { SearchOrder, Span } from './stretches.ts';

/**
 * Positions in a span of events that have one of these ids as userId or anonymousId, the first of its order, so many
 * at most. Read off event_user and event_anonymous in their own order: compared as a row, because the planner, to which
 * an equality leaves the choice, may walk through the primary key instead, for a person with few events to the end.
 */
export async function positionsOfPeople(
  db: Queryable,
  users: readonly string[],
  { span, order, most }: { span: Span; order: SearchOrder; most: number },
): Promise<Position[]> {
  const lists = users.flatMap((user) =>
    [sql`e.user_id`, sql`e.anonymous_id`].map((column) => idList(column, user, { span, order, most })),
  );
  const direction = order === 'newest' ? sql`desc` : sql`asc`;
  const rows = await db.rows<{ position: Position }>(sql`
    select position from (${join(lists, sql` union `)}) of_people order by position ${direction} limit ${most}`);
  return rows.map(({ position }) => position);
}

function idList(
  column: Statement,
  user: string,
  { span, order, most }: { span: Span; order: SearchOrder; most: number },
): Statement {
  const direction = order === 'newest' ? sql`desc` : sql`asc`;
  return sql`(
    select e.position from event e
    where ${column} is not null and (${column}, e.position) >= (${user}, ${span.low}::bigint)
      and (${column}, e.position) <= (${user}, ${span.high}::bigint)
    order by ${column} ${direction}, e.position ${direction} limit ${most})`;
}
