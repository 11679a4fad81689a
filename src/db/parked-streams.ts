import type { Position } from '../core/event.ts';
import { sql, type Queryable, type Statement } from './sql.ts';

/** How many positions one look reads at most; an outage of all workers may have left millions. */
const windowPositions = 50_000;
/** After this long a stream that was woken, and that nobody has taken up, counts as not woken. */
const claimed = sql`l.woken_at > clock_timestamp() - interval '5 s'`;
const parked = sql`l.state = 'parked' and l.lease_released and r.ended_at is null
  and (l.woken_at is null or not ${claimed})`;
const reads = sql`r.desired = 'running' and r.change is null and r.give_up is null`;

/**
 * Streams that are parked and have something to do, each claimed for this caller: nobody else gets it for five seconds.
 * That is: an event between the mark and `to` that may be selected, a retry due, or a wish not heard yet. One that is
 * paused only hears of that.
 * @param stretch.after events up to here are not looked at, nor those that lie far below `to`
 */
export async function claimParked(
  db: Queryable,
  stretch: { after: Position; to: Position },
): Promise<{ destinationId: string }[]> {
  const after = Math.max(stretch.after, stretch.to - windowPositions);
  return await db.rows<{ destinationId: string }>(sql`
    with ${news(after, stretch.to)}
    update lane l set woken_at = clock_timestamp()
    from run r
    where r.id = l.run_id and ${parked}
      and (l.lease_revision < r.revision or ${reads} and (l.wake_at <= clock_timestamp() or ${hasNews}))
    returning r.destination_id as "destinationId"`);
}

/**
 * Looks at the stretch that the parked stream furthest behind has not looked at: claims those that have something to do,
 * as above, and moves the marks of the others over it, so that they stand at the head although they were not woken.
 * @returns whether there is more to look at
 */
export async function passParked(
  db: Queryable,
  head: Position,
): Promise<{ readonly woken: { destinationId: string }[]; readonly more: boolean }> {
  const [row] = await db.rows<{ lowest: Position | null }>(sql`
    select min(l.mark) as lowest from lane l join run r on r.id = l.run_id where ${parked} and ${reads}`);
  const after = Math.min(head, row?.lowest ?? head);
  const to = Math.min(head, after + windowPositions);
  const woken = await claimParked(db, { after, to });
  // The mark of one that is taken up meanwhile stays: it is its holder's.
  await db.run(sql`
    with ${news(after, to)}
    update lane l set mark = ${to}
    from run r
    where r.id = l.run_id and ${parked} and ${reads} and l.mark >= ${after} and l.mark < ${to} and not ${hasNews}
      and l.lease_revision >= r.revision and (l.wake_at is null or l.wake_at > clock_timestamp())`);
  return { woken, more: to < head };
}

/** The kinds of events in a stretch, each with the last position that has one. Imports are not for streams. */
function news(after: Position, to: Position): Statement {
  return sql`news as materialized (
    select source_id, type, max(position) as last from event
    where position > ${after} and position <= ${to} and live group by source_id, type)`;
}

/** Whether something above a lane's mark may be selected: what else its run asks of an event is for its slice to see. */
const hasNews = sql`exists (
  select 1 from news n where n.last > l.mark
    and (r.selection -> 'sources' is null or r.selection -> 'sources' ? n.source_id::text)
    and (r.selection -> 'types' is null or r.selection -> 'types' ? n.type))`;
