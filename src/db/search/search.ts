import type { EventFilter } from '../../core/event-filter.ts';
import type { Position } from '../../core/event.ts';
import { eventRecordColumns, type EventRecord } from '../event-lookup.ts';
import { sql, type Queryable, type Statement } from '../sql.ts';
import { filterSql } from './filter-sql.ts';

/** The most positions that one request looks through. */
const searchPositions = 50_000;

export interface Search {
  readonly filter: EventFilter;
  readonly order: 'newest' | 'oldest';
  /** How far a search has come: the next one goes on behind it. Absent: it begins at its end of the archive. */
  readonly behind?: Position;
  /** How many events it finds at most. */
  readonly limit: number;
  /** How many positions it looks through at most: `searchPositions` unless said. */
  readonly positions?: number;
}

export interface Found {
  readonly events: readonly EventRecord[];
  /** Everything from where it began up to this position has been looked through; null: there was nothing. */
  readonly through: Position | null;
  /** Whether there is more to look through. */
  readonly more: boolean;
}

/** Positions, both inclusive. */
interface Span {
  readonly low: Position;
  readonly high: Position;
}

/**
 * Looks for events in the order of their positions, through a bounded part of the archive: it may end with fewer
 * events than asked for, perhaps none, and says how far it came.
 */
export async function searchEvents(db: Queryable, search: Search): Promise<Found> {
  const span = await spanOf(db, search);
  if (span === null) return { events: [], through: null, more: false };
  const part = partOf(span, search);
  const events = await readSpan(db, filterSql(search.filter), part, search);
  const last = events.length === search.limit ? events.at(-1)?.position : undefined;
  const through = last ?? (search.order === 'newest' ? part.low : part.high);
  return { events, through, more: search.order === 'newest' ? through > span.low : through < span.high };
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

/** The part of a span that comes first. */
function partOf({ low, high }: Span, { order, positions = searchPositions }: Search): Span {
  return order === 'newest'
    ? { low: Math.max(low, high - positions + 1), high }
    : { low, high: Math.min(high, low + positions - 1) };
}

async function readSpan(
  db: Queryable,
  condition: Statement,
  { low, high }: Span,
  { order, limit }: Search,
): Promise<EventRecord[]> {
  const direction = order === 'newest' ? sql`desc` : sql`asc`;
  return await db.rows<EventRecord & Record<string, unknown>>(sql`
    select ${eventRecordColumns} from event e where e.position between ${low} and ${high} and ${condition}
    order by e.position ${direction} limit ${limit}`);
}
