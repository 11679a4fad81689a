import type { EventColumns, Origin } from './event.ts';
import type { Selection, SelectionLists } from './selection.ts';

/**
 * Which events are looked at, decided from columns alone. An absent member limits nothing; of a list one value has to
 * fit. Times are RFC 3339 texts, from inclusive, to exclusive.
 */
export interface EventFilter
  extends SelectionLists, Pick<Selection, 'receivedFrom' | 'receivedTo' | 'timestampFrom' | 'timestampTo'> {
  readonly origins?: readonly Origin[];
  readonly messageId?: string;
  readonly messageIdPrefix?: string;
}

/** What a filter is held against. Texts as the look-up columns have them. */
export type FilteredColumns = Pick<
  EventColumns,
  | 'receivedAt'
  | 'timestamp'
  | 'sourceId'
  | 'origin'
  | 'type'
  | 'name'
  | 'userId'
  | 'anonymousId'
  | 'messageId'
>;

/** Whether a filter takes an event; the same as the archive's search decides in SQL. */
export function takesEvent(filter: EventFilter, event: FilteredColumns): boolean {
  const { types, names, users, sources, origins, messageId, messageIdPrefix } = filter;
  return (
    isIn(types, event.type) &&
    isIn(names, event.name) &&
    (users === undefined || isIn(users, event.userId) || isIn(users, event.anonymousId)) &&
    isIn(sources, event.sourceId) &&
    isIn(origins, event.origin) &&
    (messageId === undefined || event.messageId === messageId) &&
    (messageIdPrefix === undefined || event.messageId.startsWith(messageIdPrefix)) &&
    isWithin(event.receivedAt, filter.receivedFrom, filter.receivedTo) &&
    isWithin(event.timestamp, filter.timestampFrom, filter.timestampTo)
  );
}

function isIn<T>(list: readonly T[] | undefined, value: T | null): boolean {
  return list === undefined || (value !== null && list.includes(value));
}

function isWithin(time: Date, from: string | undefined, to: string | undefined): boolean {
  return (
    (from === undefined || time.getTime() >= Date.parse(from)) &&
    (to === undefined || time.getTime() < Date.parse(to))
  );
}
