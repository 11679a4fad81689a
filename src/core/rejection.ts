import { eventTypes, type EventType } from './event.ts';

/** How large an event may be unless its source has another limit, in bytes after inflation: Segment's. Source: segment-docs, connections/sources/catalog/libraries/server/http-api, "Max request size". */
export const maxEventBytes = 32 * 1024;
/** Deeper JSON parses, but kills JSON.stringify, structuredClone and Postgres further down the road. */
export const maxEventDepth = 100;

interface Reason {
  /** What is wrong, for people. */
  readonly message: string;
  /** What the sender can do about it. */
  readonly remedy: string;
}

/** Every reason for which an event is kept apart instead of archived. The codes are stable. */
export const rejectionReasons = {
  malformed_json: {
    message: 'The event is not JSON in UTF-8.',
    remedy:
      'Write NaN, Infinity and undefined as null or leave them out, and all text in UTF-8; in a file, one event per line.',
  },
  not_an_object: {
    message: 'The event is not a JSON object.',
    remedy: 'Send each event as an object: {"type": "track", "userId": "...", "event": "..."}.',
  },
  event_too_large: {
    message: `The event, with what it takes over from its batch, is larger than its source may send: ${maxEventBytes} bytes, unless the source has a limit of its own.`,
    remedy:
      'Send less with it: leave large texts and lists out of properties, traits and context. Or raise the maxEventBytes of the source.',
  },
  event_too_deep: {
    message: `The event nests objects and arrays more than ${maxEventDepth} levels deep.`,
    remedy: 'Flatten its properties or traits.',
  },
  unknown_type: {
    message: `The event has no type, or one that is none of ${eventTypes.join(', ')}.`,
    remedy: 'Give each event of a batch a "type", spelled as in the list.',
  },
  no_user: {
    message: 'The event has neither a userId nor an anonymousId.',
    remedy: 'Send a userId for known users, an anonymousId for others: text that is not empty, or a number.',
  },
  track_without_event: {
    message: 'The track call has no "event".',
    remedy: 'Name what happened in "event", for example "Order Completed".',
  },
  alias_without_previous_id: {
    message: 'The alias call has no "previousId".',
    remedy: 'Send the id that the user had before as "previousId", the new one as "userId".',
  },
  group_without_group_id: {
    message: 'The group call has no "groupId".',
    remedy: 'Send the id of the group that the user belongs to as "groupId".',
  },
  unknown_operation: {
    message: 'The Track API has no operation of this type and action.',
    remedy:
      'Send a "type" (person, object or delivery) and an "action" that goes with it, for example identify.',
  },
  operation_incomplete: {
    message: 'The operation of the Track API lacks a member that it cannot do without.',
    remedy: 'Send what the answer to the request names.',
  },
  message_id_reused: {
    message: 'Another event with the same messageId and other content was archived before.',
    remedy: 'Give each event a messageId of its own; only a retry of the same event may repeat one.',
  },
  user_suppressed: {
    message:
      'The event is of a user who is suppressed, and its source refuses such events: nothing of it was kept.',
    remedy:
      'Lift the suppression, or let the source archive the events of suppressed users ("suppressedUsers": "archive"), and send it again.',
  },
  malformed_row: {
    message: 'The row of the CSV file does not fit its header.',
    remedy:
      'Quote fields as RFC 4180 has it, give each row as many fields as the header, and times in ISO 8601.',
  },
  row_too_large: {
    message: 'The row of the file is too large; only its start is kept.',
    remedy: 'Write one event per line, each at most 32 KB.',
  },
  not_storable: {
    message: 'The database refused this event, and only this one.',
    remedy: 'Report it as a fault of Reprise, with the event.',
  },
} as const satisfies Record<string, Reason>;

export type RejectionCode = keyof typeof rejectionReasons;

/** A value of JSON that names someone: text that is not empty, or a number. */
export function isId(value: unknown): value is string | number {
  return typeof value === 'number' || (typeof value === 'string' && value !== '');
}

function isEventType(value: unknown): value is EventType {
  return (eventTypes as readonly unknown[]).includes(value);
}

/** A parsed JSON object. Its `__proto__` is an own member like any other, so members are read one by one, never spread. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Why an event's content cannot be archived, or null when it can. Wrong kinds of traits and properties are no reason:
 * they may fail an action later, never the event. The rules are Segment's (segment-docs, connections/spec).
 * @param needsUser whether it has to belong to somebody
 */
export function rejectionOf(event: JsonObject, type: unknown, needsUser = true): RejectionCode | null {
  if (!isEventType(type)) return 'unknown_type';
  if (needsUser && !isId(event['userId']) && !isId(event['anonymousId'])) return 'no_user';
  if (type === 'track' && (typeof event['event'] !== 'string' || event['event'] === '')) {
    return 'track_without_event';
  }
  if (type === 'alias' && !isId(event['previousId'])) return 'alias_without_previous_id';
  if (type === 'group' && !isId(event['groupId'])) return 'group_without_group_id';
  return null;
}
