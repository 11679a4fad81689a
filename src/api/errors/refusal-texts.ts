import type { Refusal } from '../tracking/refusal.ts';

/** What the sender of events can do about each refusal of the tracking API; the type demands a text for every code. */
export const refusalRemedies: Readonly<Record<Refusal, string>> = {
  malformed_request: 'Send HTTP/1.1. A client library or curl does; a proxy in between may not.',
  host_missing: 'Send the header Host, or use HTTP/1.0.',
  malformed_encoding: 'Compress the body as Content-Encoding says, or send it plain without that header.',
  malformed_utf8: 'Write the body in UTF-8. Client libraries do so by themselves.',
  malformed_json:
    'Mend the body. In a batch a single broken item is kept apart and the rest is taken; this one is broken around its items.',
  too_deep: 'Flatten the properties and traits of the events.',
  no_batch: 'Send `{"batch": [...]}` to `/v1/batch`; a single event goes to `/v1/track` and the other calls.',
  events_invalid:
    'Mend the events in `errors` (each has its place, code and remedy), and send all of the request again; or leave strict mode, which takes the good ones.',
  write_key_missing:
    'Give the client library the write key of a source: `GET /api/sources` has it. By hand: `curl -u <write key>: …`.',
  write_key_unknown:
    'Use a key that `GET /api/sources` lists. One that was rotated out ends at its `expiresAt`; those of a deleted source ended with it.',
  api_key_missing: 'Configure the library with any site ID and the source’s write key as its API key.',
  source_blocked:
    'An admin frees it: `PATCH /api/sources/{id}` with `{"blocked": false}`. What was sent meanwhile is not here.',
  unknown_address: 'Give the client this server’s address alone, or with `/v1` behind it.',
  unknown_track_address: 'Give the library this server’s address with `/api/v1` or `/api/v2` behind it.',
  method_not_allowed: 'Use a method that the header Allow names; events are sent by POST.',
  request_timeout: 'Send it again, over a faster way or in smaller batches.',
  body_too_large: 'Send smaller batches. Files of events of any size go to `POST /api/imports`.',
  too_many_events: 'Send smaller batches.',
  chunk_extensions_too_large: 'Send the body without chunk extensions: no client needs them.',
  rate_limited:
    'Wait for the seconds in Retry-After, as client libraries do. An admin raises the limit: `PATCH /api/sources/{id}` with `{"rateLimit": …}`.',
  headers_too_large: 'Send large events by POST instead of in a pixel’s address, and fewer cookies.',
  overloaded: 'Send it again after the seconds in Retry-After; client libraries do so by themselves.',
  unavailable: 'Send it again after the seconds in Retry-After; client libraries do so by themselves.',
};
