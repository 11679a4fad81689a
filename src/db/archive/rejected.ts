import type { RejectedEvent } from '../../core/new-event.ts';
import { join, sql, type Queryable, type Statement } from '../sql.ts';
import { bytesArray, textArray, timeArray, uuidArray } from './binary-array.ts';
import { uuidHex } from './identity.ts';
import { lookUpText } from './look-up-text.ts';

/** Keeps events that could not be archived, with their reasons, so that people can look at them. */
export async function rejectEvents(db: Queryable, rejected: readonly RejectedEvent[]): Promise<void> {
  if (rejected.length === 0) return;
  await db.run(sql`
    insert into rejected_event (received_at, source_id, code, message, message_id, raw, arrival)
    select * from ${rejectedRows(rejected)}`);
}

/** The rows of `rejected_event` for these events without their ids, to stand in a `from`. */
export function rejectedRows(rejected: readonly RejectedEvent[]): Statement {
  return sql`unnest(
    ${timeArray(rejected.map((event) => event.receivedAt))}::timestamptz[],
    ${uuidArray(rejected.map((event) => uuidHex(event.sourceId)))}::uuid[],
    ${textArray(rejected.map((event) => event.code))}::text[],
    ${textArray(rejected.map((event) => lookUpText(event.message)))}::text[],
    ${textArray(rejected.map(({ messageId }) => (messageId === null ? null : lookUpText(messageId))))}::text[],
    ${bytesArray(rejected.map((event) => event.raw))}::bytea[],
    ${textArray(rejected.map((event) => event.arrival))}::text[])`;
}

/** Which rejected events are meant; an absent member limits nothing. */
export interface RejectedFilter {
  readonly ids?: readonly number[];
  readonly source?: string;
  readonly code?: string;
  /** When they came: from inclusive, to exclusive. */
  readonly from?: string;
  readonly to?: string;
}

/** A condition over `rejected_event`. */
export function rejectedWhere({ ids, source, code, from, to }: RejectedFilter): Statement {
  const conditions: Statement[] = [sql`true`];
  if (ids !== undefined) conditions.push(sql`id = any(${[...ids]}::bigint[])`);
  if (source !== undefined) conditions.push(sql`source_id = ${source}`);
  if (code !== undefined) conditions.push(sql`code = ${code}`);
  if (from !== undefined) conditions.push(sql`received_at >= ${from}`);
  if (to !== undefined) conditions.push(sql`received_at < ${to}`);
  return join(conditions, sql` and `);
}
