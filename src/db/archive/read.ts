import type { ArchivedEvent, Position } from '../../core/event.ts';
import type { Selection } from '../../core/selection.ts';
import type { Copying } from '../copy-out.ts';
import { sql, type Queryable } from '../sql.ts';
import { pageColumns, pageEvents } from './page-event.ts';
import { selectionSql } from './selection-sql.ts';

/** An event as `eventColumns` reads it. */
export interface EventRow extends Omit<ArchivedEvent, 'receivedAt' | 'timestamp' | 'raw'> {
  /** Milliseconds since 1970: the parser of Postgres' time texts would cost more than all other columns together. */
  readonly receivedMs: number;
  readonly timestampMs: number;
  readonly raw: string;
}

/** The columns of `event`, aliased `e`, that make an ArchivedEvent. */
export const eventColumns = sql`e.position, date_part('epoch', e.received_at) * 1000 as "receivedMs",
  date_part('epoch', e.timestamp) * 1000 as "timestampMs", e.source_id as "sourceId", e.origin, e.type, e.name,
  e.user_id as "userId", e.anonymous_id as "anonymousId", e.message_id as "messageId", e.bucket, e.live,
  e.integrations, e.raw, e.edits`;

export function toArchivedEvent(row: EventRow): ArchivedEvent {
  return {
    position: row.position,
    receivedAt: new Date(Math.round(row.receivedMs)),
    timestamp: new Date(Math.round(row.timestampMs)),
    sourceId: row.sourceId,
    origin: row.origin,
    type: row.type,
    name: row.name,
    userId: row.userId,
    anonymousId: row.anonymousId,
    messageId: row.messageId,
    bucket: row.bucket,
    live: row.live,
    integrations: row.integrations,
    raw: Buffer.from(row.raw),
    edits: row.edits,
  };
}

/**
 * The archive's last position, 0 when it is empty. Every position up to it is there or will never be: events above it
 * may follow at any time, none below it.
 */
export async function archiveHead(db: Queryable): Promise<Position> {
  const [row] = await db.rows<{ head: number }>(sql`select archive_head() as head`);
  return row?.head ?? 0;
}

/** The first position above one that the archive still has; null: there is none. */
export async function firstAbove(db: Queryable, position: Position): Promise<Position | null> {
  const [row] = await db.rows<{ first: Position | null }>(
    sql`select min(position) as first from event where position > ${position}`,
  );
  return row?.first ?? null;
}

/** How many positions one page scans at most: a rare selection would otherwise scan millions of rows in one call. */
export const pageWindow = 20_000;

export interface PageRequest {
  readonly after: Position;
  /** The last position that may be read. It must not lie above a head that was read before: see `scannedTo`. */
  readonly upTo: Position;
  /** Both inclusive. */
  readonly bucketFrom: number;
  readonly bucketTo: number;
  readonly selection?: Selection;
  /** How many positions it scans at most. */
  readonly window?: number;
  /** How many events one page holds at most. */
  readonly limit?: number;
}

export interface Page {
  readonly events: ArchivedEvent[];
  /** Everything up to here has been looked at, whether it matched or not; the next page goes on `after` it. */
  readonly scannedTo: Position;
}

/**
 * The next events of some buckets in rising order of their positions. The order comes from event's primary key in any
 * case: Postgres takes a window that it has not analysed yet for so few rows that it would sort all of it for each page.
 */
export async function readPage(db: Copying, request: PageRequest): Promise<Page> {
  const { after, upTo, bucketFrom, bucketTo, selection = {}, window = pageWindow, limit = 1_000 } = request;
  const end = Math.min(upTo, after + window);
  if (end <= after) return { events: [], scannedTo: after };
  const bytes = await db.copyOut(
    sql`
      select ${pageColumns} from event e
      where e.position > ${after} and e.position <= ${end} and e.bucket between ${bucketFrom} and ${bucketTo}
        and ${selectionSql(selection)}
      order by e.position limit ${limit}`,
    { enable_sort: 'off' },
  );
  const events = pageEvents(bytes);
  const last = events.length === limit ? events.at(-1)?.position : undefined;
  return { events, scannedTo: last ?? end };
}

/** How many events in (after, upTo] are selected. Takes as long as reading them: ask for short stretches. */
export async function countSelected(
  db: Queryable,
  {
    after,
    upTo,
    selection = {},
  }: { readonly after: Position; readonly upTo: Position; readonly selection?: Selection },
): Promise<number> {
  const [row] = await db.rows<{ count: number }>(sql`
    select count(*) from event e
    where e.position > ${after} and e.position <= ${upTo} and ${selectionSql(selection)}`);
  return row?.count ?? 0;
}
