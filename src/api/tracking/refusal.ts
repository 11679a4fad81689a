import { rejectionReasons, type RejectionCode } from '../../core/rejection.ts';
import type { ReceivedEvents } from './received.ts';
import { knownTrackAddresses } from './track-api/addresses.ts';

/**
 * Every way in which the tracking API refuses. Clients drop their data for ever on a 4xx and try again on a 503, so
 * everything that is our own trouble is a 503. The codes are stable.
 */
export const refusals = {
  malformed_request: [400, 'This is no request of HTTP/1.1 that could be read.'],
  host_missing: [400, 'A request of HTTP/1.1 has to have the header Host.'],
  malformed_encoding: [
    400,
    'The body is not compressed as its Content-Encoding says, or in a way that is not taken: gzip, deflate and br are.',
  ],
  malformed_utf8: [400, 'The body is not UTF-8.'],
  malformed_json: [400, 'The body is not JSON, in more than single items of a batch.'],
  too_deep: [400, 'The body nests objects and arrays too deep: an event may have 100 levels.'],
  no_batch: [400, 'The body has no "batch": send {"batch": [...]} with an array of events.'],
  events_invalid: [
    400,
    'The request asks for strict mode, and some of its events cannot be accepted. Nothing of it was stored: mend them and send all of it again.',
  ],
  write_key_missing: [
    401,
    'The request has no write key: send it as the user name of Basic authentication, or as "writeKey" in the body.',
  ],
  write_key_unknown: [401, 'The write key is unknown or no longer accepted.'],
  api_key_missing: [
    401,
    "The request has no API key: send a source's write key as the password of Basic authentication; the site ID before it may be anything.",
  ],
  source_blocked: [401, 'The source that this write key belongs to is blocked: nothing is taken from it.'],
  unknown_address: [
    404,
    'The tracking API has nothing at this address. Events go to /v1/batch, or to /v1/track and the other calls.',
  ],
  unknown_track_address: [404, `The Track API has nothing at this address. It has: ${knownTrackAddresses}.`],
  method_not_allowed: [405, 'This address takes other methods: those that the header Allow names.'],
  request_timeout: [408, 'The request did not arrive in time. Nothing of it was stored; send it again.'],
  body_too_large: [413, 'The body is too large: a batch may have 500 KB, after decompression.'],
  too_many_events: [413, 'The batch has too many events: it may have 2,500.'],
  chunk_extensions_too_large: [413, 'The chunks of the body have extensions that are too large.'],
  rate_limited: [
    429,
    'The source sends more than its limit. Nothing of this request was stored; send it again later.',
  ],
  headers_too_large: [431, 'The address and headers are too large: they may have 128 KB together.'],
  overloaded: [503, 'Too many events wait to be stored. Nothing of this request was stored; send it again.'],
  unavailable: [
    503,
    'The events could not be stored. Send them again: what was stored already is not stored twice.',
  ],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type Refusal = keyof typeof refusals;

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'string' && Object.hasOwn(refusals, value);
}

/** What is wrong with one event of a request in strict mode. */
export interface EventError {
  /** Where it stands among the request's events, from 0. */
  readonly index: number;
  readonly code: RejectionCode;
  readonly message: string;
  readonly messageId?: string;
}

/** A request in strict mode that is refused because of some of its events. */
export interface StrictRefusal {
  readonly errors: readonly EventError[];
}

/** A request beyond its source's rate. */
export interface TooFast {
  /** Milliseconds. */
  readonly waitMs: number;
}

/** What is wrong with the events of a request, and how to mend it. */
export function eventErrors({ rejected, rejectedAt }: ReceivedEvents): readonly EventError[] {
  return rejected.map(({ code, messageId }, place) => {
    const { message, remedy } = rejectionReasons[code];
    const error = { index: rejectedAt[place]!, code, message: `${message} ${remedy}` };
    return messageId === null ? error : { ...error, messageId };
  });
}
