import type { EventColumns, Position } from '../core/event.ts';
import type { KeptArrival } from '../core/kept-arrival.ts';
import { identityKey, uuidHex } from './archive/identity.ts';
import { rejectedWhere, type RejectedFilter } from './archive/rejected.ts';
import { isThere } from './search/filter-sql.ts';
import { sql, type Queryable } from './sql.ts';

/** An event as people look at it: its columns, without its text. */
export interface EventRecord extends EventColumns {
  readonly position: Position;
  readonly sentAt: Date | null;
}

/** An event with its text, byte for byte, and what completes it (JSON of Edit[]). */
export interface EventWithText extends EventRecord {
  readonly raw: string;
  readonly edits: string;
}

/** An event that was not accepted. */
export interface RejectedRecord {
  readonly id: number;
  readonly receivedAt: Date;
  readonly sourceId: string;
  readonly code: string;
  readonly message: string;
  readonly messageId: string | null;
  /** The first bytes of what came. */
  readonly start: Buffer;
  /** How many bytes came. */
  readonly size: number;
  /** The door that it came through, as far as it is kept how it came. */
  readonly door: KeptArrival['door'] | null;
}

/** The columns of `event`, aliased `e`, that make an EventRecord. */
export const eventRecordColumns = sql`e.position, e.received_at as "receivedAt", e.sent_at as "sentAt", e.timestamp,
  e.source_id as "sourceId", e.origin, e.type, e.name, e.user_id as "userId", e.anonymous_id as "anonymousId",
  e.message_id as "messageId", e.live`;

/** The event at a position, null when there is none. */
export async function eventAt(db: Queryable, position: Position): Promise<EventWithText | null> {
  const rows = await db.rows<EventWithText & Record<string, unknown>>(
    sql`select ${eventRecordColumns}, e.raw, e.edits from event e where e.position = ${position} and ${isThere}`,
  );
  return rows[0] ?? null;
}

/**
 * The newest event of a messageId, of whatever source; null when there is none. Found by the identities of the dedupe
 * window, so one query on an index; an event older than the window is not found.
 */
export async function eventOfMessage(db: Queryable, messageId: string): Promise<EventWithText | null> {
  const sources = await db.rows<{ id: string }>(sql`select id from source`);
  const keys = sources.map((source) => identityKey(uuidHex(source.id), messageId));
  const [found] = await db.rows<{ position: Position }>(sql`
    select position from event_identity where key = any(${keys}::uuid[]) order by position desc limit 1`);
  return found === undefined ? null : await eventAt(db, found.position);
}

/** Events that were not accepted, newest first. @param params.before only ids below it */
export async function listRejected(
  db: Queryable,
  params: { filter: RejectedFilter; before?: number; limit: number; startBytes: number },
): Promise<RejectedRecord[]> {
  const before = params.before === undefined ? sql`true` : sql`id < ${params.before}`;
  return await db.rows<RejectedRecord & Record<string, unknown>>(sql`
    select id, received_at as "receivedAt", source_id as "sourceId", code, message, message_id as "messageId",
      substring(raw from 1 for ${params.startBytes}::integer) as start, octet_length(raw) as size,
      arrival::json ->> 'door' as door
    from rejected_event where ${rejectedWhere(params.filter)} and ${before}
    order by id desc limit ${params.limit}`);
}
