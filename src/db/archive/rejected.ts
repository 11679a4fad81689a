import type { RejectedEvent } from '../../core/new-event.ts';
import { sql, type Queryable, type Statement } from '../sql.ts';
import { bytesArray, textArray, timeArray, uuidArray } from './binary-array.ts';
import { uuidBytes } from './identity.ts';
import { lookUpText } from './look-up-text.ts';

/** Keeps events that could not be archived, with their reasons, so that people can look at them. */
export async function rejectEvents(db: Queryable, rejected: readonly RejectedEvent[]): Promise<void> {
  if (rejected.length === 0) return;
  await db.run(sql`
    insert into rejected_event (received_at, source_id, code, message, message_id, raw)
    select * from ${rejectedRows(rejected)}`);
}

/** The rows of `rejected_event` for these events without their ids, to stand in a `from`. */
export function rejectedRows(rejected: readonly RejectedEvent[]): Statement {
  return sql`unnest(
    ${timeArray(rejected.map((event) => event.receivedAt))}::timestamptz[],
    ${uuidArray(rejected.map((event) => uuidBytes(event.sourceId)))}::uuid[],
    ${textArray(rejected.map((event) => event.code))}::text[],
    ${textArray(rejected.map((event) => lookUpText(event.message)))}::text[],
    ${textArray(rejected.map(({ messageId }) => (messageId === null ? null : lookUpText(messageId))))}::text[],
    ${bytesArray(rejected.map((event) => event.raw))}::bytea[])`;
}
