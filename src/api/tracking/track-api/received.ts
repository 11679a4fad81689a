import type { KeptArrival } from '../../../core/kept-arrival.ts';
import { depthOf } from '../../../core/json-scan.ts';
import { legibleMembers } from '../../../core/malformed-json.ts';
import {
  readEvent,
  rejectedEvent,
  type Arrival,
  type NewEvent,
  type RejectedEvent,
} from '../../../core/new-event.ts';
import {
  isJsonObject,
  maxEventBytes,
  maxEventDepth,
  rejectionReasons,
  type RejectionCode,
} from '../../../core/rejection.ts';
import { arrivalOf, batchItems, type ReceivedBody, type ReceivedEvents, type Sender } from '../received.ts';
import { isRefusal, type Refusal } from '../refusal.ts';
import type { TrackAddress, TrackOperation } from './addresses.ts';
import { isFault, written, type Operation } from './draft.ts';
import { partOf } from './json-part.ts';
import { draftsOf, namingMembers, peopleOf } from './operations.ts';
import { v1Item } from './v1-item.ts';

/** What is wrong with one operation. Source: docs.customer.io, integrations/api/track, the answer 207 to /v2/batch. */
export interface OperationError {
  /** Where it stands in the batch, from 0. */
  readonly index: number;
  readonly reason: RejectionCode;
  /** The member at fault; empty: all of it. */
  readonly field: string;
  readonly message: string;
}

/** What a request of the Track API brought: an operation is one event or more, or rejected as a whole. */
export interface ReceivedOperations extends ReceivedEvents {
  readonly faults: readonly OperationError[];
}

/**
 * How many times as long as an operation its events may be together. Short relationships of somebody with a long id
 * are five to eight times as long as they came; with an id of 16 KB one request would fill a hundred megabytes.
 */
const maxGrowth = 20;

const decoder = new TextDecoder();

/** The members of an operation that say whose it is, and which. */
const identifying = ['id', ...namingMembers];

/** Takes a body apart into its operations. What is wrong with one costs none of its neighbours. */
export function operationsOf(
  operation: Exclude<TrackOperation, 'region'>,
  address: TrackAddress,
  body: ReceivedBody,
  source: Sender,
  receivedAt: Date,
): ReceivedOperations | Refusal {
  const arrival = arrivalOf(source, receivedAt);
  switch (operation) {
    case 'entity':
      return gathered([readOperation(body.json, body.value, ofV2, arrival)]);
    case 'batch': {
      const items = batchItems(body);
      if (isRefusal(items)) return items;
      return gathered(items.map(({ raw, value }) => readOperation(raw, value, ofV2, arrival)));
    }
    default: {
      const part = partOf(body.json, body.value);
      const item = v1Item(operation, address, { json: body.json, part });
      const value: unknown = part === null ? null : JSON.parse(decoder.decode(item));
      return gathered([readOperation(item, value, ofV1(operation), arrival)]);
    }
  }
}

type Manner = Omit<Operation, 'item'>;

const ofV2: Manner = { isAnonymous: false, attributesName: 'attributes' };

function ofV1(operation: TrackOperation): Manner {
  const isAnonymous = operation === 'anonymous_event';
  return { isAnonymous, attributesName: isAnonymous || operation === 'event' ? 'data' : 'attributes' };
}

const tooLong =
  'Each relationship becomes an event with the ids of both ends, and these events are too long together. Send fewer relationships at a time.';

export type ReadOperation =
  | { readonly events: readonly NewEvent[]; readonly rejected?: never }
  | { readonly rejected: RejectedEvent; readonly field: string; readonly events?: never };

/**
 * Reads one operation, all of it or nothing.
 * @param raw as v2 writes it @param value what it says; no object: it cannot be taken; undefined: it is not JSON
 * @param common what it has in common with the others of its request
 */
export function readOperation(
  raw: Uint8Array,
  value: unknown,
  { isAnonymous, attributesName }: Manner,
  common: Arrival,
): ReadOperation {
  const manner = { isAnonymous, attributesName };
  const kept = () => JSON.stringify({ door: 'track_api', ...manner } satisfies KeptArrival);
  const arrival: Arrival = { ...common, origin: 'track_api', takesNobodys: true, kept };
  const refuse = (code: RejectionCode, field = '', message: string | null = null): ReadOperation => {
    const legible = value === undefined ? legibleMembers(raw, identifying) : value;
    const id = isJsonObject(legible) ? legible['id'] : null;
    const { rejected } = rejectedEvent(code, raw, { messageId: id }, arrival, peopleOf(partOf(raw, legible)));
    if (rejected.code !== code) return { rejected, field: '' };
    return { rejected: message === null ? rejected : { ...rejected, message }, field };
  };
  if (depthOf(raw, maxEventDepth) > maxEventDepth) return refuse('event_too_deep');
  if (value === undefined) return refuse('malformed_json');
  if (raw.length > (arrival.maxEventBytes ?? maxEventBytes)) return refuse('event_too_large');
  const item = partOf(raw, value);
  if (item === null) return refuse('not_an_object', '', 'This has to be a JSON object.');
  const operation = { ...manner, item };
  const drafts = draftsOf(operation);
  if (isFault(drafts)) return refuse(drafts.code, drafts.field, drafts.message);
  const events: NewEvent[] = [];
  let length = 0;
  for (const text of written(operation, drafts)) {
    length += text.length;
    if (length > maxGrowth * raw.length) return refuse('event_too_large', 'cio_relationships', tooLong);
    if (depthOf(text, maxEventDepth) > maxEventDepth) return refuse('event_too_deep');
    const read = readEvent(JSON.parse(decoder.decode(text)), text, null, arrival);
    if (read.rejected !== undefined) return refuse(read.rejected.code);
    events.push(read.event);
  }
  return { events };
}

function gathered(items: readonly ReadOperation[]): ReceivedOperations {
  const events: NewEvent[] = [];
  const rejected: RejectedEvent[] = [];
  const faults: OperationError[] = [];
  for (const [index, item] of items.entries()) {
    if (item.events !== undefined) {
      events.push(...item.events);
      continue;
    }
    const { code, message } = item.rejected;
    rejected.push(item.rejected);
    const isOwn = message !== rejectionReasons[code].message; // says already what to mend
    faults.push({
      index,
      reason: code,
      field: item.field,
      message: isOwn ? message : `${message} ${rejectionReasons[code].remedy}`,
    });
  }
  // Its clients say who they are in no body, but in the User-Agent.
  return { events, rejected, rejectedAt: faults.map(({ index }) => index), sdks: [], faults };
}
