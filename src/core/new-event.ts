import { findEdits, type BatchMembers, type Stamps } from './completed-event.ts';
import type { Edit, EventColumns, EventType, Origin } from './event.ts';
import { membersOf } from './json-scan.ts';
import {
  isId,
  isJsonObject,
  maxEventBytes,
  rejectionOf,
  rejectionReasons,
  type JsonObject,
  type RejectionCode,
} from './rejection.ts';
import { parseTime, timeOf } from './timestamps.ts';

/** An event on its way into the archive. */
export interface NewEvent extends EventColumns {
  readonly sentAt: Date | null;
  /** The completed event's `integrations` as JSON text, null when it says nothing. */
  readonly integrations: string | null;
  /** The sender's JSON in UTF-8, byte for byte, without whitespace around it. */
  readonly raw: Uint8Array;
  readonly edits: readonly Edit[];
}

/** Whose an event is. */
export type UserIds = Pick<EventColumns, 'userId' | 'anonymousId'>;

/** An event that cannot be archived and is kept apart, with the reason. */
export interface RejectedEvent {
  readonly receivedAt: Date;
  readonly sourceId: string;
  readonly code: RejectionCode;
  readonly message: string;
  readonly messageId: string | null;
  readonly raw: Uint8Array;
  /** How it came, as JSON of KeptArrival; null: it cannot be read again. */
  readonly arrival: string | null;
  /** Whose it is, as far as it can be read. */
  readonly users: readonly UserIds[];
}

export type ReadEvent =
  | { readonly event: NewEvent; readonly rejected?: never }
  | { readonly rejected: RejectedEvent; readonly event?: never };

/** Whether an event is of one of the users whom its source takes nothing from. */
export type IsSuppressed = (event: UserIds) => boolean;

/** What the events of one request, or of one import, have in common. */
export interface Arrival {
  readonly sourceId: string;
  readonly origin: Origin;
  readonly receivedAt: Date;
  /**
   * Imported history is not live: it keeps its own receivedAt where that is usable, and its own timestamp uncorrected,
   * because its sentAt has nothing to do with the import.
   */
  readonly live: boolean;
  /** The batch's `sentAt`, for items without a usable one. */
  readonly sentAt: Date | null;
  readonly batch: BatchMembers;
  /** The batch's `integrations` as parsed. */
  readonly integrations: unknown;
  readonly newMessageId: () => string;
  /** Events may belong to nobody, as in the Track API those of objects and messages do. */
  readonly takesNobodys?: boolean;
  /** Absent: events of all users are taken. */
  readonly isSuppressed?: IsSuppressed;
  /** How large an event may be; null or absent: as large as any. */
  readonly maxEventBytes?: number | null;
  /** How they came, as JSON of KeptArrival: asked for those that are rejected. */
  readonly kept?: () => string;
}

/**
 * Reads one event: what the archive's columns say of it, and the edits that complete it.
 * @param value the parsed event
 * @param raw the same as it was sent, UTF-8 without whitespace around it, at most `maxEventDepth` deep
 * @param type where the address says the type; else it is the event's own
 */
export function readEvent(
  value: unknown,
  raw: Uint8Array,
  type: EventType | null,
  arrival: Arrival,
): ReadEvent {
  if (!isJsonObject(value)) return rejectedEvent('not_an_object', raw, value, arrival);
  const limit = arrival.maxEventBytes ?? maxEventBytes;
  if (raw.length > limit) return rejectedEvent('event_too_large', raw, value, arrival);
  const code = rejectionOf(value, type ?? value['type'], arrival.takesNobodys !== true);
  if (code !== null) return rejectedEvent(code, raw, value, arrival);
  const event = archivable(value, raw, type ?? (value['type'] as EventType), arrival);
  const inherited = event.edits.reduce((bytes, edit) => bytes + inheritedLength(edit), 0);
  if (raw.length + inherited > limit) return rejectedEvent('event_too_large', raw, value, arrival);
  if (arrival.isSuppressed?.(event) === true) return rejectedEvent('user_suppressed', raw, value, arrival);
  return { event };
}

/**
 * Keeps an event apart for a reason; its messageId is kept for look-ups where it has one. Of a user who is suppressed
 * nothing else is kept, whatever else is wrong with the event: it was refused so that it is not stored.
 * @param users whose it is, where it is not written as events are
 */
export function rejectedEvent(
  reason: RejectionCode,
  raw: Uint8Array,
  value: unknown,
  arrival: Pick<Arrival, 'receivedAt' | 'sourceId' | 'kept' | 'isSuppressed'>,
  users: readonly UserIds[] = usersOf(value, raw),
): Extract<ReadEvent, { rejected: RejectedEvent }> {
  const messageId = isJsonObject(value) ? value['messageId'] : null;
  const ofSuppressed = users.some((user) => arrival.isSuppressed?.(user) === true);
  const code = ofSuppressed ? 'user_suppressed' : reason;
  return {
    rejected: {
      receivedAt: arrival.receivedAt,
      sourceId: arrival.sourceId,
      code,
      message: rejectionReasons[code].message,
      messageId: typeof messageId === 'string' ? messageId : null,
      ...(code === 'user_suppressed'
        ? { raw: raw.subarray(0, 0), arrival: null }
        : { raw, arrival: arrival.kept?.() ?? null }),
      users,
    },
  };
}

function usersOf(value: unknown, raw: Uint8Array): UserIds[] {
  if (!isJsonObject(value)) return [];
  const user = { userId: idText('userId', value, raw), anonymousId: idText('anonymousId', value, raw) };
  return user.userId === null && user.anonymousId === null ? [] : [user];
}

function archivable(value: JsonObject, raw: Uint8Array, type: EventType, arrival: Arrival): NewEvent {
  const receivedAt = timeIn(value, 'receivedAt');
  const archivedAt = arrival.live ? arrival.receivedAt : (receivedAt ?? arrival.receivedAt);
  const sentAt = timeIn(value, 'sentAt') ?? arrival.sentAt;
  const sent = { timestamp: value['timestamp'], originalTimestamp: value['originalTimestamp'] };
  const time = timeOf(sent, arrival.live ? sentAt : null, archivedAt);
  const messageId = idText('messageId', value, raw) ?? arrival.newMessageId();
  const stamps: Stamps = {
    timestamp: time.asSent ? null : time.timestamp.toISOString(),
    keepOriginal: time.fromTimestamp,
    receivedAt: receivedAt === null ? archivedAt.toISOString() : null,
    messageId: messageId === value['messageId'] ? null : messageId,
    type: type === value['type'] ? null : type,
  };
  return {
    receivedAt: archivedAt,
    sentAt,
    timestamp: time.timestamp,
    sourceId: arrival.sourceId,
    origin: arrival.origin,
    type,
    name: nameOf(value, type),
    userId: idText('userId', value, raw),
    anonymousId: idText('anonymousId', value, raw),
    messageId,
    live: arrival.live,
    integrations: integrationsOf(value['integrations'], arrival.integrations),
    raw,
    edits: findEdits(raw, arrival.batch, stamps),
  };
}

function timeIn(value: JsonObject, name: string): Date | null {
  const moment = parseTime(value[name]);
  return moment === null ? null : new Date(moment);
}

function nameOf(value: JsonObject, type: EventType): string | null {
  const name =
    type === 'track' ? value['event'] : type === 'page' || type === 'screen' ? value['name'] : null;
  return typeof name === 'string' && name !== '' ? name : null;
}

/** An id of an object as text, null where it has none. A number that JavaScript cannot hold exactly is taken from the text as it was sent. */
export function idText(key: string, value: JsonObject, raw: Uint8Array): string | null {
  const id = value[key];
  if (!isId(id)) return null;
  if (typeof id === 'string') return id;
  if (Number.isSafeInteger(id)) return String(id);
  const member = membersOf(raw).findLast((candidate) => candidate.key === key);
  return member === undefined
    ? null
    : new TextDecoder().decode(raw.subarray(member.valueStart, member.valueEnd));
}

/** Sources often send `{}` or `{"All": true}`, which are the rule and need no look at delivery. */
function integrationsOf(own: unknown, inherited: unknown): string | null {
  if (own !== undefined && own !== null && !isJsonObject(own)) return null;
  const all = { ...(isJsonObject(inherited) ? inherited : {}), ...own };
  const says = Object.entries(all).some(([name, value]) => name !== 'All' || value !== true);
  return says ? JSON.stringify(all) : null;
}

function inheritedLength([name, , , insert]: Edit): number {
  return name === 'context' || name === 'integrations' ? (insert?.length ?? 0) : 0;
}
