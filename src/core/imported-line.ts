import { noBatchMembers } from './completed-event.ts';
import { depthOf, membersOf, trimJson } from './json-scan.ts';
import { identifyingMembers, legibleMembers, parseJson } from './malformed-json.ts';
import { readEvent, rejectedEvent, type Arrival, type ReadEvent } from './new-event.ts';
import { isJsonObject, maxEventDepth, type JsonObject } from './rejection.ts';
import { parseTime } from './timestamps.ts';

/** What events from a file have in common, as long as they say no more. @param receivedAt of those that bring no time */
export function importArrival(sourceId: string, receivedAt: Date, newMessageId: () => string): Arrival {
  return {
    sourceId,
    origin: 'import',
    receivedAt,
    live: false,
    sentAt: null,
    batch: noBatchMembers,
    integrations: null,
    newMessageId,
  };
}

/**
 * Reads one line of a file of history: an event as JSON, as archives of this kind hold them (Segment's S3 destination,
 * RudderStack's object storage destinations). RudderStack's own archiver wraps each event as `{userId, payload,
 * createdAt, messageId}` (rudder-server, archiver/worker.go, marshalJob): there the payload is the event.
 * @returns null for a line without anything on it
 */
export function readImportedLine(line: Uint8Array, arrival: Arrival): ReadEvent | null {
  const raw = trimJson(line);
  if (raw.length === 0) return null;
  if (depthOf(raw, maxEventDepth) > maxEventDepth)
    return rejectedEvent('event_too_deep', raw, legibleLine(raw), arrival);
  const value = parseJson(raw);
  if (value === undefined) return rejectedEvent('malformed_json', raw, legibleLine(raw), arrival);
  return isJsonObject(value) && isWrapped(value)
    ? readWrapped(value, raw, arrival)
    : readEvent(value, raw, null, arrival);
}

/** Whose event a line is and which, as far as that can be read of one that is not JSON, too deep, or cut. */
export function legibleLine(line: Uint8Array): JsonObject {
  const { type, ...own } = legibleMembers(line, ['type', ...identifyingMembers]);
  const payload = membersOf(line).findLast(({ key }) => key === 'payload');
  if (type !== undefined || payload?.kind !== 'object') return own;
  const event = line.subarray(payload.valueStart, payload.valueEnd);
  return { ...own, ...legibleMembers(event, identifyingMembers) };
}

function isWrapped(value: JsonObject): boolean {
  return value['type'] === undefined && isJsonObject(value['payload']) && value['createdAt'] !== undefined;
}

function readWrapped(value: JsonObject, raw: Uint8Array, arrival: Arrival): ReadEvent {
  const member = membersOf(raw).findLast(({ key }) => key === 'payload');
  if (member === undefined) return rejectedEvent('not_an_object', raw, value, arrival);
  const createdAt = parseTime(value['createdAt']);
  const receivedAt = createdAt === null ? arrival.receivedAt : new Date(createdAt);
  const payload = raw.subarray(member.valueStart, member.valueEnd);
  return readEvent(value['payload'], payload, null, { ...arrival, receivedAt });
}
