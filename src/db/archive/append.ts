import type { Position } from '../../core/event.ts';
import type { NewEvent } from '../../core/new-event.ts';
import { rejectionReasons } from '../../core/rejection.ts';
import { sql, type Queryable, type Statement } from '../sql.ts';
import { booleanArray, integerArray, textArray, timeArray, uuidArray } from './binary-array.ts';
import { identityOf, uuidHex } from './identity.ts';
import { lookUpText } from './look-up-text.ts';

/** How long a source's messageIds are remembered where nothing else is said. A Postgres interval. */
export const defaultDedupeWindow = '90 days';

/** What appends may be told beside their events. */
export interface AppendOptions {
  /** How long a messageId is remembered: a Postgres interval, `defaultDedupeWindow` unless said. */
  readonly dedupeWindow?: string;
}

export interface Appended {
  /** The archive's last position after the append; 0 when it is empty. */
  readonly head: Position;
  readonly appended: number;
  /** Sent before with the same content: not stored again. */
  readonly duplicates: number;
  /** Another event has the same messageId: kept as rejected. */
  readonly conflicts: number;
}

/**
 * Appends events to the archive in the order given: one round trip, one transaction (the caller's, if `db` is one,
 * which then keeps every other append waiting until it ends). Once it has committed, the events are there for good.
 * @throws when Postgres is away or refuses the events; what became of them is then unknown, and they can be appended
 *   again without harm
 */
export async function appendEvents(
  db: Queryable,
  events: readonly NewEvent[],
  options: AppendOptions = {},
): Promise<Appended> {
  const [row] = await db.rows<Appended>(sql`
    select head, appended, duplicates, conflicts from ${appendCall(events, options)}`);
  if (row === undefined) throw new Error('archive_append gave no answer');
  return row;
}

/** The call of the database's append for these events, to stand in a `from`; `appendEvents` says what it does. */
export function appendCall(events: readonly NewEvent[], options: AppendOptions = {}): Statement {
  const sources = events.map((event) => uuidHex(event.sourceId));
  const identities = events.map((event, index) => identityOf(event, sources[index]!));
  const text = (value: (event: NewEvent) => string | null) =>
    textArray(events.map(value).map((column) => (column === null ? null : lookUpText(column))));
  return sql`archive_append(
    ${timeArray(events.map((event) => event.receivedAt))},
    ${timeArray(events.map((event) => event.sentAt))},
    ${timeArray(events.map((event) => event.timestamp))},
    ${uuidArray(sources)},
    ${text((event) => event.origin)}, ${text((event) => event.type)}, ${text((event) => event.name)},
    ${text((event) => event.userId)}, ${text((event) => event.anonymousId)}, ${text((event) => event.messageId)},
    ${integerArray(identities.map((identity) => identity.bucket))},
    ${booleanArray(events.map((event) => event.live))},
    ${textArray(events.map((event) => event.integrations))},
    ${textArray(events.map((event) => event.raw))},
    ${textArray(events.map((event) => JSON.stringify(event.edits)))},
    ${uuidArray(identities.map((identity) => identity.key))},
    ${uuidArray(identities.map((identity) => identity.body))},
    ${rejectionReasons.message_id_reused.message}, ${options.dedupeWindow ?? defaultDedupeWindow})`;
}
