import { randomUUID } from 'node:crypto';
import {
  batchMembersOf,
  noBatchMembers,
  type BatchMember,
  type BatchMembers,
} from '../../core/completed-event.ts';
import type { EventType } from '../../core/event.ts';
import {
  depthOf,
  elementsOf,
  membersOf,
  trimJson,
  type JsonMember,
  withoutByteOrderMark,
} from '../../core/json-scan.ts';
import { identifyingMembers, legibleMembers } from '../../core/malformed-json.ts';
import {
  readEvent,
  rejectedEvent,
  type Arrival,
  type NewEvent,
  type ReadEvent,
  type RejectedEvent,
} from '../../core/new-event.ts';
import type { KeptArrival } from '../../core/kept-arrival.ts';
import { isJsonObject, maxEventDepth } from '../../core/rejection.ts';
import { salvageBatch } from '../../core/salvaged-batch.ts';
import { sdksOf, type Sdk } from '../../core/sdk.ts';
import { parseTime } from '../../core/timestamps.ts';
import type { KeyedSource } from '../../db/write-keys.ts';
import type { Call } from './doors.ts';
import { isRefusal, type Refusal } from './refusal.ts';

/** Segment's limits for a batch. Source: segment-docs, connections/sources/catalog/libraries/server/http-api. */
const maxBatchBytes = 500 * 1024;
const maxBatchEvents = 2_500;
/** Up to here every part of the program can handle a body, so that one deep event does not cost its neighbours. */
const maxBatchDepth = 1_000;

/** What is kept of how a request's rejected events came, all together: each has all that its batch gave to it. */
const maxKeptLength = 256 * 1024;

/** A body that was found to be JSON. */
export interface ReceivedBody {
  readonly value: unknown;
  /** Without whitespace around it. */
  readonly json: Uint8Array;
  readonly depth: number;
  /** The items of a batch some of which are not JSON, as they were sent: in `json` a 0 stands for all of them. */
  readonly items?: readonly Uint8Array[];
}

/** What a request brought. */
export interface ReceivedEvents {
  readonly events: readonly NewEvent[];
  readonly rejected: readonly RejectedEvent[];
  /** Where each of the rejected stands among the request's events, from 0. */
  readonly rejectedAt: readonly number[];
  /** The client libraries that they say they come from. */
  readonly sdks: readonly Sdk[];
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the body of a call as JSON, or says why it is none. */
export function readCall(body: Uint8Array, call: Call): ReceivedBody | Refusal {
  return call === 'batch' ? readBatch(body) : readJson(body, maxEventDepth);
}

/** Reads a batch. Some of its items need not be JSON: they are undefined then, as no value of JSON is. */
export function readBatch(body: Uint8Array): ReceivedBody | Refusal {
  const read = readJson(body, maxBatchDepth);
  if (read !== 'malformed_json' && read !== 'malformed_utf8') return read;
  const salvaged = salvageBatch(jsonOf(body), maxBatchEvents);
  if (salvaged === null) return read;
  const { value, around, items, bytes } = salvaged;
  return bytes > maxBatchBytes ? 'body_too_large' : { value, json: around, depth: maxBatchDepth, items };
}

/** Reads a body as JSON, or says why it is none. */
export function readJson(body: Uint8Array, maxDepth = maxBatchDepth): ReceivedBody | Refusal {
  const json = jsonOf(body);
  const depth = depthOf(json, maxDepth);
  if (depth > maxDepth) return 'too_deep';
  let text: string;
  try {
    text = decoder.decode(json);
  } catch {
    return 'malformed_utf8';
  }
  try {
    return { value: JSON.parse(text) as unknown, json, depth };
  } catch {
    return 'malformed_json';
  }
}

const jsonOf = (body: Uint8Array) => trimJson(withoutByteOrderMark(body));

/** The write key in a body: browsers often send it only there. */
export function keyOfBody({ value }: ReceivedBody): string | null {
  const key = isJsonObject(value) ? value['writeKey'] : null;
  return typeof key === 'string' && key !== '' ? key : null;
}

/** The source of a request, with who is suppressed of its users where it refuses such events. */
export type Sender = Pick<KeyedSource, 'sourceId' | 'origin' | 'maxEventBytes'> &
  Pick<Arrival, 'isSuppressed'>;

/** Takes a body apart into its events. What is wrong with one event costs none of its neighbours. */
export function eventsOf(
  call: Call,
  body: ReceivedBody,
  source: Sender,
  receivedAt: Date,
): ReceivedEvents | Refusal {
  const arrival = arrivalOf(source, receivedAt);
  return call === 'batch' ? eventsOfBatch(body, arrival) : eventOfCall(body, call, arrival);
}

/** What live events of one request have in common, as long as nothing else of it says more. */
export function arrivalOf(source: Sender, receivedAt: Date): Arrival {
  return {
    ...source,
    receivedAt,
    live: true,
    sentAt: null,
    batch: noBatchMembers,
    integrations: null,
    newMessageId: randomUUID,
  };
}

function eventOfCall({ value, json }: ReceivedBody, type: EventType, arrival: Arrival): ReceivedEvents {
  const kept = () => keptText({ type, sentAt: null, ...noBatchMembers });
  return { ...sorted([readEvent(value, json, type, { ...arrival, kept })]), sdks: sdksOf([value], null) };
}

/** One item of a batch: its bytes as they were sent, and what they say; undefined: they are not JSON. */
export interface BatchItem {
  readonly raw: Uint8Array;
  readonly value: unknown;
}

/** The items of a body's `batch`, within its limits. */
export function batchItems(
  { value, json, items }: ReceivedBody,
  members: readonly JsonMember[] = membersOf(json),
): BatchItem[] | Refusal {
  const values = isJsonObject(value) ? value['batch'] : undefined;
  if (!Array.isArray(values)) return 'no_batch';
  if (items !== undefined) return items.map((raw, index) => ({ raw, value: values[index] as unknown }));
  const batch = members.findLast(({ key }) => key === 'batch');
  if (batch === undefined) return 'no_batch';
  if (batch.valueEnd - batch.valueStart > maxBatchBytes) return 'body_too_large';
  if (values.length > maxBatchEvents) return 'too_many_events';
  return elementsOf(json, batch.valueStart).map(({ valueStart, valueEnd }, index) => ({
    raw: json.subarray(valueStart, valueEnd),
    value: values[index] as unknown,
  }));
}

function eventsOfBatch(body: ReceivedBody, arrival: Arrival): ReceivedEvents | Refusal {
  const { value, json, depth } = body;
  if (!isJsonObject(value)) return 'no_batch';
  const members = membersOf(json);
  const items = batchItems(body, members);
  if (isRefusal(items)) return items;
  const inherited = inheritedMembers(json, members, depth > maxEventDepth);
  if (inherited === null) return 'too_deep';
  const sentTime = parseTime(value['sentAt']);
  const sentAt = sentTime === null ? null : new Date(sentTime);
  let kept: string | undefined;
  const ofItems: Arrival = {
    ...arrival,
    sentAt,
    batch: inherited,
    integrations: value['integrations'],
    kept: () =>
      (kept ??= keptText({
        type: null,
        sentAt: sentAt?.toISOString() ?? null,
        ...inherited,
      })),
  };
  const read = items.map((item) => {
    const isTooDeep = depth > maxEventDepth && depthOf(item.raw, maxEventDepth) > maxEventDepth;
    if (!isTooDeep && item.value !== undefined) return readEvent(item.value, item.raw, null, ofItems);
    const legible = item.value ?? legibleMembers(item.raw, identifyingMembers);
    return rejectedEvent(isTooDeep ? 'event_too_deep' : 'malformed_json', item.raw, legible, ofItems);
  });
  const values = items.map((item) => item.value);
  return { ...sorted(read), sdks: sdksOf(values, value['context']) };
}

function keptText(arrival: Omit<Extract<KeptArrival, { door: 'tracking_api' }>, 'door'>): string {
  return JSON.stringify({ door: 'tracking_api', ...arrival } satisfies KeptArrival);
}

/** A batch's `integrations`, of the members that its items take over. */
export function inheritedValue(members: readonly BatchMember[]): unknown {
  return JSON.parse(`{${members.map(({ text }) => text).join(',')}}`);
}

/** What the batch gives to its items; null when that would make every one of them too deep. */
function inheritedMembers(
  json: Uint8Array,
  members: readonly JsonMember[],
  maybeDeep: boolean,
): BatchMembers | null {
  const inherit = (name: string) => {
    const member = members.findLast(({ key }) => key === name);
    if (member === undefined) return [];
    const text = json.subarray(member.valueStart, member.valueEnd);
    // One level less than an event may have: it becomes a member of one.
    if (maybeDeep && depthOf(text, maxEventDepth) >= maxEventDepth) return null;
    return batchMembersOf(json, member);
  };
  const context = inherit('context');
  const integrations = inherit('integrations');
  return context === null || integrations === null ? null : { context, integrations };
}

function sorted(read: readonly ReadEvent[]): Omit<ReceivedEvents, 'sdks'> {
  const events: NewEvent[] = [];
  const rejected: RejectedEvent[] = [];
  const rejectedAt: number[] = [];
  let keptLength = 0;
  for (const [place, { event, rejected: refused }] of read.entries()) {
    if (event !== undefined) events.push(event);
    else {
      keptLength += refused.arrival?.length ?? 0;
      rejected.push(keptLength > maxKeptLength ? { ...refused, arrival: null } : refused);
      rejectedAt.push(place);
    }
  }
  return { events, rejected, rejectedAt };
}
