import { chunkPositions } from '../../core/coverage.ts';
import type { EventFilter } from '../../core/event-filter.ts';
import type { Position } from '../../core/event.ts';
import { join, sql, type Queryable, type Statement } from '../sql.ts';

/** Positions, both inclusive. */
export interface Span {
  readonly low: Position;
  readonly high: Position;
}

/** Which end of the archive a search begins at. */
export type SearchOrder = 'newest' | 'oldest';

/** What a search has to read. */
interface Stretches {
  /** In its order. */
  readonly stretches: readonly Span[];
  /** How far it has come once these are read: nothing else up to here can hold what is looked for. */
  readonly through: Position;
}

/** What a chunk holds that may be looked for; null: the filter says nothing of what chunks are known by. */
function chunkCondition(filter: EventFilter): Statement | null {
  const { types, sources, origins, receivedFrom, receivedTo, timestampFrom, timestampTo } = filter;
  const conditions: Statement[] = [];
  if (types !== undefined) conditions.push(sql`c.types && ${types}::text[]`);
  if (sources !== undefined) conditions.push(sql`c.sources && ${sources}::uuid[]`);
  if (origins !== undefined) conditions.push(sql`c.origins && ${origins}::text[]`);
  if (receivedFrom !== undefined) conditions.push(sql`c.received_to >= ${receivedFrom}`);
  if (receivedTo !== undefined) conditions.push(sql`c.received_from < ${receivedTo}`);
  if (timestampFrom !== undefined) conditions.push(sql`c.timestamp_to >= ${timestampFrom}`);
  if (timestampTo !== undefined) conditions.push(sql`c.timestamp_from < ${timestampTo}`);
  return conditions.length === 0 ? null : join(conditions, sql` and `);
}

/**
 * The stretches of a span that may hold what a filter takes, so many positions at most, from where the order begins.
 * What is not summed up yet may hold anything.
 */
export async function stretchesOf(
  db: Queryable,
  span: Span,
  { filter, order, positions }: { filter: EventFilter; order: SearchOrder; positions: number },
): Promise<Stretches> {
  const condition = chunkCondition(filter);
  if (condition === null) return cut([span], { order, positions, end: endOf(span, order) });
  const most = Math.floor(positions / chunkPositions) + 2; // the first and the last may lie in the span in part
  const direction = order === 'newest' ? sql`desc` : sql`asc`;
  const chunks = await db.rows<{ chunk: number }>(sql`
    select number as chunk
    from generate_series(${chunkAt(span.low)}::bigint, ${chunkAt(span.high)}::bigint) number
    where not exists (select 1 from archive_chunk c where c.chunk = number and (${condition}) is not true)
    order by number ${direction} limit ${most}`);
  const parts = chunks.map(({ chunk }) => partOf(span, chunk));
  const last = parts.at(-1);
  const end = chunks.length < most || last === undefined ? endOf(span, order) : endOf(last, order);
  return cut(parts, { order, positions, end });
}

/** The part of a span beyond which, at both its ends, nothing can be that a filter takes; null: nothing can at all. */
export async function hullOf(db: Queryable, span: Span, filter: EventFilter): Promise<Span | null> {
  const condition = chunkCondition(filter);
  if (condition === null) return span;
  const [hull] = await db.rows<{ low: number | null; high: number | null }>(sql`
    select min(number) as low, max(number) as high
    from generate_series(${chunkAt(span.low)}::bigint, ${chunkAt(span.high)}::bigint) number
    where not exists (select 1 from archive_chunk c where c.chunk = number and (${condition}) is not true)`);
  if (hull === undefined || hull.low === null || hull.high === null) return null;
  return { low: partOf(span, hull.low).low, high: partOf(span, hull.high).high };
}

/** Where a search that goes through a span ends. */
export function endOf({ low, high }: Span, order: SearchOrder): Position {
  return order === 'newest' ? low : high;
}

const chunkAt = (position: Position) => Math.floor(position / chunkPositions);

function partOf({ low, high }: Span, chunk: number): Span {
  return {
    low: Math.max(low, chunk * chunkPositions),
    high: Math.min(high, (chunk + 1) * chunkPositions - 1),
  };
}

/** The first of some stretches, so many positions of them; those that touch become one. */
function cut(
  parts: readonly Span[],
  { order, positions, end }: { order: SearchOrder; positions: number; end: Position },
): Stretches {
  const stretches: Span[] = [];
  let left = positions;
  for (const part of parts) {
    const taken = firstOf(part, order, left);
    left -= taken.high - taken.low + 1;
    const before = stretches.at(-1);
    if (before !== undefined && (before.low === taken.high + 1 || before.high === taken.low - 1)) {
      const low = Math.min(before.low, taken.low);
      stretches[stretches.length - 1] = { low, high: Math.max(before.high, taken.high) };
    } else stretches.push(taken);
    if (left === 0)
      return {
        stretches,
        through: part === parts.at(-1) && isWhole(part, taken) ? end : endOf(taken, order),
      };
  }
  return { stretches, through: end };
}

const isWhole = (part: Span, taken: Span) => part.low === taken.low && part.high === taken.high;

/** As many positions of a span as there is room for. */
export function firstOf({ low, high }: Span, order: SearchOrder, room: number): Span {
  return order === 'newest'
    ? { low: Math.max(low, high - room + 1), high }
    : { low, high: Math.min(high, low + room - 1) };
}
