import { chunkPositions } from '../../core/coverage.ts';
import type { EventFilter } from '../../core/event-filter.ts';
import type { Position } from '../../core/event.ts';
import { eventRecordColumns, type EventRecord } from '../event-lookup.ts';
import { sql, type Queryable, type Statement } from '../sql.ts';
import { filterSql } from './filter-sql.ts';
import { listedBelow, positionsOfPeople } from './people.ts';
import { endOf, firstOf, hullOf, stretchesOf, type SearchOrder, type Span } from './stretches.ts';

/** The most positions that one request reads one after another. */
const searchPositions = 50_000;
/** The most events of people that one request looks at, each in a place of its own. */
const searchPeoplesEvents = 2_000;
/** About the most rows of lists that one request reads, one for each person and chunk: one person in 30 million positions. */
const searchLists = 4_000;

export interface Search {
  readonly filter: EventFilter;
  readonly order: SearchOrder;
  /** How far a search has come: the next one goes on behind it. Absent: it begins at its end of the archive. */
  readonly behind?: Position;
  /** How many events it finds at most. */
  readonly limit: number;
  /** How many positions it looks at at most: 50,000, or 2,000 listed events of people, unless said. */
  readonly positions?: number;
}

export interface Found {
  readonly events: readonly EventRecord[];
  /** Everything from where it began up to this position has been looked through; null: there was nothing. */
  readonly through: Position | null;
  /** Whether there is more to look through. */
  readonly more: boolean;
}

/** How far a part of a search came. */
interface Looked {
  readonly events: readonly EventRecord[];
  readonly through: Position;
}

/**
 * Looks for events in the order of their positions, through a bounded part of the archive: it may end with fewer
 * events than asked for, perhaps none, and says how far it came.
 */
export async function searchEvents(db: Queryable, search: Search): Promise<Found> {
  const span = await spanOf(db, search);
  if (span === null) return { events: [], through: null, more: false };
  const { events, through } =
    search.filter.users === undefined
      ? await readThrough(db, span, search)
      : await lookAtPeople(db, span, search, search.filter.users);
  return { events, through, more: through !== endOf(span, search.order) };
}

/** What is there of the archive and has not been looked through; null: nothing. Uses event's primary key. */
async function spanOf(db: Queryable, { order, behind }: Search): Promise<Span | null> {
  const above = order === 'oldest' && behind !== undefined ? behind : 0;
  const below = order === 'newest' && behind !== undefined ? behind : Number.MAX_SAFE_INTEGER;
  const [ends] = await db.rows<{ low: Position | null; high: Position | null }>(sql`
    select min(position) as low, max(position) as high from event
    where position > ${above}::bigint and position < ${below}::bigint`);
  if (ends === undefined || ends.low === null || ends.high === null) return null;
  return { low: ends.low, high: ends.high };
}

/** Reads one position after another, but for chunks that cannot hold what is looked for. */
async function readThrough(db: Queryable, span: Span, search: Search): Promise<Looked> {
  const { filter, order, limit, positions = searchPositions } = search;
  const { stretches, through } = await stretchesOf(db, span, { filter, order, positions });
  const events: EventRecord[] = [];
  for (const { low, high } of stretches) {
    const from = sql`event e where e.position between ${low} and ${high} and ${filterSql(filter)}`;
    events.push(...(await readEvents(db, from, { order, limit: limit - events.length })));
    if (events.length === limit) return { events, through: events.at(-1)!.position };
  }
  return { events, through };
}

/** Where people's events are listed it looks at those alone, and reads what is not listed yet. */
async function lookAtPeople(
  db: Queryable,
  span: Span,
  search: Search,
  users: readonly string[],
): Promise<Looked> {
  const { order, limit } = search;
  const end = endOf(span, order);
  const hull = await hullOf(db, span, search.filter);
  if (hull === null) return { events: [], through: end };
  const unlisted = await listedBelow(db);
  const parts = [
    { part: { low: hull.low, high: Math.min(hull.high, unlisted - 1) }, isListed: true },
    { part: { low: Math.max(hull.low, unlisted), high: hull.high }, isListed: false },
  ].filter(({ part }) => part.low <= part.high);
  const events: EventRecord[] = [];
  for (const { part, isListed } of order === 'newest' ? parts.toReversed() : parts) {
    const rest = { ...search, limit: limit - events.length };
    const looked = await (isListed ? lookAtListed(db, part, rest, users) : readThrough(db, part, rest));
    events.push(...looked.events);
    if (events.length === limit || looked.through !== endOf(part, order))
      return { events, through: looked.through };
  }
  return { events, through: end };
}

/** Looks at the listed events of some people, in more and more chunks at once. */
async function lookAtListed(
  db: Queryable,
  span: Span,
  search: Search,
  users: readonly string[],
): Promise<Looked> {
  const { filter, order, limit, positions = searchPeoplesEvents } = search;
  const end = endOf(span, order);
  const events: EventRecord[] = [];
  let [left, rows] = [Math.min(positions, searchPeoplesEvents), searchLists];
  let through: Position | null = null;
  for (let chunks = 8; left > 0 && rows > 0; chunks *= 4) {
    const some: Span = firstOf(
      through === null ? span : behindOf(span, order, through),
      order,
      Math.max(1, Math.floor(Math.min(chunks, rows) / users.length)) * chunkPositions,
    );
    rows -= chunks;
    const looked: Position[] = await positionsOfPeople(db, users, { span: some, order, most: left });
    events.push(...(await readEvents(db, eventsAt(looked, filter), { order, limit: limit - events.length })));
    if (events.length === limit) return { events, through: events.at(-1)!.position };
    through = looked.length === left ? looked.at(-1)! : endOf(some, order);
    if (through === end) break;
    left -= looked.length;
  }
  return { events, through: through ?? end };
}

/** What of a span lies behind a position that is not its end. */
function behindOf({ low, high }: Span, order: SearchOrder, position: Position): Span {
  return order === 'newest' ? { low, high: position - 1 } : { low: position + 1, high };
}

/** Each by the primary key: for a list of positions a planner without statistics would read the whole partition. */
function eventsAt(positions: readonly Position[], filter: EventFilter): Statement {
  return sql`unnest(${positions}::bigint[]) looked (at) cross join lateral (
    select * from event e where e.position = looked.at and ${filterSql(filter)} offset 0) e`;
}

async function readEvents(
  db: Queryable,
  from: Statement,
  { order, limit }: Pick<Search, 'order' | 'limit'>,
): Promise<EventRecord[]> {
  const direction = order === 'newest' ? sql`desc` : sql`asc`;
  return await db.rows<EventRecord & Record<string, unknown>>(sql`
    select ${eventRecordColumns} from ${from} order by e.position ${direction} limit ${limit}`);
}
