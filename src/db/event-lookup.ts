import type { EventColumns, EventType, Position } from '../core/event.ts';
import type { KeptArrival } from '../core/kept-arrival.ts';
import { identityKey, uuidHex } from './archive/identity.ts';
import { rejectedWhere, type RejectedFilter } from './archive/rejected.ts';
import { join, sql, type Queryable, type Statement } from './sql.ts';

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

/** Which events a list shows; an absent member limits nothing. `user` is compared with userId and anonymousId. */
export interface EventFilter {
  readonly type?: EventType;
  readonly name?: string;
  readonly user?: string;
  readonly source?: string;
  readonly messageId?: string;
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

const columns = sql`e.position, e.received_at as "receivedAt", e.sent_at as "sentAt", e.timestamp,
  e.source_id as "sourceId", e.origin, e.type, e.name, e.user_id as "userId", e.anonymous_id as "anonymousId",
  e.message_id as "messageId", e.live`;

/** What is left of a deleted event is nothing to look at. */
const isThere = sql`e.message_id <> ''`;

/** A list walks back in stretches of positions that grow from the first figure to the second. */
const firstStretch = 5_000;
const longestStretch = 100_000;
/** No new stretch is begun after so many milliseconds. */
const scanMs = 2_000;

/**
 * Events newest first. The columns have no index of their own (it would slow the archive down), so the list walks back
 * through positions for a bounded time; it then holds fewer rows than asked for, perhaps none, and says where to go on.
 * @param params.before only positions below it
 * @returns `next`: pass it as `before` to go on; null when the start of the archive was reached
 */
export async function listEvents(
  db: Queryable,
  params: { filter: EventFilter; before?: Position; limit: number },
): Promise<{ events: EventRecord[]; next: Position | null }> {
  const [ends] = await db.rows<{ oldest: Position | null; newest: Position | null }>(
    sql`select min(position) as oldest, max(position) as newest from event`,
  );
  if (ends === undefined || ends.oldest === null || ends.newest === null) return { events: [], next: null };
  const events: EventRecord[] = [];
  let top = Math.min(ends.newest, (params.before ?? Infinity) - 1);
  const deadline = performance.now() + scanMs;
  let stretch = firstStretch;
  while (top >= ends.oldest && performance.now() < deadline) {
    const from = Math.max(ends.oldest, top - stretch + 1);
    const rows = await readStretch(db, params.filter, { from, to: top, limit: params.limit - events.length });
    events.push(...rows);
    if (events.length === params.limit)
      return { events, next: onwards(events.at(-1)?.position, ends.oldest) };
    top = from - 1;
    stretch = Math.min(stretch * 4, longestStretch);
  }
  return { events, next: onwards(top + 1, ends.oldest) };
}

const onwards = (last: Position | undefined, oldest: Position) =>
  last === undefined || last <= oldest ? null : last;

async function readStretch(
  db: Queryable,
  filter: EventFilter,
  stretch: { from: Position; to: Position; limit: number },
): Promise<EventRecord[]> {
  const conditions: Statement[] = [sql`e.position between ${stretch.from} and ${stretch.to}`, isThere];
  if (filter.type !== undefined) conditions.push(sql`e.type = ${filter.type}`);
  if (filter.name !== undefined) conditions.push(sql`e.name = ${filter.name}`);
  if (filter.source !== undefined) conditions.push(sql`e.source_id = ${filter.source}`);
  if (filter.messageId !== undefined) conditions.push(sql`e.message_id = ${filter.messageId}`);
  if (filter.user !== undefined) {
    conditions.push(sql`(e.user_id = ${filter.user} or e.anonymous_id = ${filter.user})`);
  }
  return await db.rows<EventRecord & Record<string, unknown>>(sql`
    select ${columns} from event e where ${join(conditions, sql` and `)}
    order by e.position desc limit ${stretch.limit}`);
}

/** The event at a position, null when there is none. */
export async function eventAt(db: Queryable, position: Position): Promise<EventWithText | null> {
  const rows = await db.rows<EventWithText & Record<string, unknown>>(
    sql`select ${columns}, e.raw, e.edits from event e where e.position = ${position} and ${isThere}`,
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
