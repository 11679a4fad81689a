/**
 * Every way in which the tracking API refuses. Clients drop their data for ever on a 4xx and try again on a 503, so
 * everything that is our own trouble is a 503. The codes are stable.
 */
export const refusals = {
  malformed_encoding: [
    400,
    'The body is not compressed as its Content-Encoding says, or in a way that is not taken: gzip, deflate and br are.',
  ],
  malformed_utf8: [400, 'The body is not UTF-8.'],
  malformed_json: [400, 'The body is not JSON.'],
  too_deep: [400, 'The body nests objects and arrays too deep: an event may have 100 levels.'],
  no_batch: [400, 'The body has no "batch": send {"batch": [...]} with an array of events.'],
  write_key_missing: [
    401,
    'The request has no write key: send it as the user name of Basic authentication, or as "writeKey" in the body.',
  ],
  write_key_unknown: [401, 'The write key is unknown or no longer accepted.'],
  unknown_address: [
    404,
    'The tracking API has nothing at this address. Events go to /v1/batch, or to /v1/track and the other calls.',
  ],
  method_not_allowed: [405, 'Events are sent by POST, settings and images are asked for by GET.'],
  body_too_large: [413, 'The body is too large: a batch may have 500 KB, after decompression.'],
  too_many_events: [413, 'The batch has too many events: it may have 2,500.'],
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
