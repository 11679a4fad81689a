import type { EventFilter } from '../../core/event-filter.ts';
import { selectionSql } from '../archive/selection-sql.ts';
import { join, sql, type Statement } from '../sql.ts';

/** What is left of a deleted event is nothing to look at. */
export const isThere = sql`e.message_id <> ''`;

/** The condition on table `event`, aliased `e`, that a filter stands for, of events that are there. */
export function filterSql(filter: EventFilter): Statement {
  const { origins, messageId, messageIdPrefix, ...selection } = filter;
  const conditions = [isThere, selectionSql(selection)];
  if (origins !== undefined) conditions.push(sql`e.origin = any(${origins}::text[])`);
  if (messageId !== undefined) conditions.push(sql`e.message_id = ${messageId}`);
  if (messageIdPrefix !== undefined) conditions.push(sql`starts_with(e.message_id, ${messageIdPrefix})`);
  return join(conditions, sql` and `);
}
