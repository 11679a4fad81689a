import { chunkPositions } from '../core/coverage.ts';
import type { Position } from '../core/event.ts';
import type { PersonId } from '../core/named-person.ts';
import { firstAbove } from './archive/read.ts';
import { sql, type Queryable } from './sql.ts';

/** One event of a person, with the sender's text byte for byte. */
export interface PersonEvent {
  readonly position: Position;
  readonly receivedAt: Date;
  readonly sourceId: string;
  readonly type: string;
  readonly userId: string | null;
  readonly anonymousId: string | null;
  readonly raw: string;
  /** Destinations that have it, by their ids. */
  readonly destinations: readonly string[];
}

/** Positions that one look goes through, and how many events it takes of them at most: an event has up to 32 KB. */
const windowPositions = 50_000;
const eventsPerLook = 200;

/** A person's events up to a position, oldest first, a look at a time. Nothing is held between two looks. */
export async function* personEvents(
  db: Queryable,
  person: PersonId,
  upTo: Position,
): AsyncGenerator<readonly PersonEvent[]> {
  let after = 0;
  while (after < upTo) {
    const first = await firstAbove(db, after);
    if (first === null) return;
    const end = Math.min(upTo, first - 1 + windowPositions);
    const events = await lookAt(db, person, { after, end });
    if (events.length > 0) yield events;
    after = events.length === eventsPerLook ? events.at(-1)!.position : end;
  }
}

/** Uses the primary keys of event and of coverage. */
async function lookAt(
  db: Queryable,
  { userId, anonymousId }: PersonId,
  { after, end }: { after: Position; end: Position },
): Promise<PersonEvent[]> {
  return await db.rows<PersonEvent & Record<string, unknown>>(sql`
    select e.position, e.received_at as "receivedAt", e.source_id as "sourceId", e.type, e.user_id as "userId",
      e.anonymous_id as "anonymousId", e.raw, array(
        select distinct a.destination_id::text from action a join coverage c on c.action_id = a.id
        where c.chunk = e.position / ${chunkPositions}::bigint
          and get_bit(c.bits, (e.position % ${chunkPositions}::bigint)::integer) = 1
        order by 1) as destinations
    from event e
    where e.position > ${after} and e.position <= ${end} and e.message_id <> ''
      and (e.user_id = ${userId} or e.anonymous_id = ${anonymousId})
    order by e.position limit ${eventsPerLook}`);
}
