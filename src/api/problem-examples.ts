import { problem, type Problem, type ProblemCode } from './problem.ts';

const notConnectable =
  'Yotpo is in the catalog, but cannot be connected: It sends nothing of an event: its one action asks Yotpo for the name of the store. GET /api/catalog?connectable=true lists what can.';

/** One refusal of each kind, as the reference shows it. */
export const problemExamples: Readonly<Record<ProblemCode, Problem>> = {
  malformed_json: problem('malformed_json', 'Line 1, column 21: expected "," or "}".', {
    errors: [{ pointer: '/name', detail: 'Line 1, column 21: expected "," or "}".' }],
    members: { line: 1, column: 21 },
  }),
  repeated_member: problem(
    'repeated_member',
    '/name: "name" stands here twice, the second time at line 1, column 17. Send it once.',
    {
      errors: [
        {
          pointer: '/name',
          detail: '"name" stands here twice, the second time at line 1, column 17. Send it once.',
        },
      ],
      members: { line: 1, column: 17 },
    },
  ),
  invalid_query: problem('invalid_query', 'limit: Expected at most 200.', {
    errors: [{ parameter: 'limit', detail: 'Expected at most 200.' }],
  }),
  invalid_idempotency_key: problem(
    'invalid_idempotency_key',
    'Idempotency-Key takes 1 to 255 visible ASCII characters without spaces, for example a UUID.',
  ),
  unauthorized: problem(
    'unauthorized',
    'Send a token of this server in the header `Authorization: Bearer <token>`.',
  ),
  forbidden: problem(
    'forbidden',
    'This takes the role `operator`, and the token "dashboard" has the role `viewer`. Use a token of that role, or ask an admin for one.',
    { members: { role: 'viewer', neededRole: 'operator' } },
  ),
  not_found: problem(
    'not_found',
    'There is nothing at /api/sources/6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e. It may have been deleted, or the id is not whole.',
  ),
  method_not_allowed: problem('method_not_allowed', 'PUT is not taken here. Use one of: GET, POST, HEAD.'),
  upload_cut: problem(
    'upload_cut',
    'The file did not arrive whole. Send the whole file again: it goes on behind what is committed.',
    { members: { importId: '8d3f2a6e-0c55-4c1b-9a55-3d9e6a1f7b20' } },
  ),
  import_running: problem(
    'import_running',
    'Somebody sends this import now. Wait until it has ended, or broken off.',
    { members: { importId: '8d3f2a6e-0c55-4c1b-9a55-3d9e6a1f7b20' } },
  ),
  import_completed: problem(
    'import_completed',
    'The import is completed. A file that has grown is a new import: it adds what is new.',
  ),
  import_differs: problem(
    'import_differs',
    'The file differs, at line 1001 or before, from the one that this import has taken so far. Send that one, or make a new import.',
    { members: { importId: '8d3f2a6e-0c55-4c1b-9a55-3d9e6a1f7b20' } },
  ),
  unreadable_file: problem('unreadable_file', 'The file is empty. Send NDJSON (one event per line) or CSV.'),
  too_many_notifications: problem(
    'too_many_notifications',
    'There are 50 notifications, as many as there may be. Delete one, or let one receiver pass on to others.',
  ),
  key_not_everywhere: problem(
    'key_not_everywhere',
    'Not everybody has the key Zk3vQ0aB yet: delivery 17 on worker-1. Start them again with it, then ask again; a process that has stopped without a word is forgotten after 15 seconds.',
    { members: { processes: ['4f0d6c0a-3f4e-4a57-8f77-0d1b6f1f7a11'] } },
  ),
  replay_running: problem(
    'replay_running',
    'Replay 2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914 of this destination is not over. Wait for its end, or cancel it.',
    { members: { replayId: '2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914' } },
  ),
  nothing_to_retry: problem(
    'nothing_to_retry',
    'No dead letter that is meant can be retried: each was delivered since, waits for its next try or is in the hands of a replay, or there is none. GET /api/dead-letters?open=true lists those that can.',
  ),
  replay_planned: problem(
    'replay_planned',
    'The replay has not begun, and is not paused: it begins by itself at its time (`startsAt`), or when the replay of its destination that runs now has ended. PATCH {"schedule": null} begins it as soon as it may.',
  ),
  replay_ended: problem(
    'replay_ended',
    'The replay is completed, so it can no longer be changed. Start a new one.',
    { members: { replayStatus: 'completed' } },
  ),
  destination_disabled: problem(
    'destination_disabled',
    'The destination gets no new events. Enable it first: PATCH {"enabled": true}.',
  ),
  settings_unreadable: problem(
    'settings_unreadable',
    'The settings were sealed with another REPRISE_SECRET_KEY. Start the server with that key, or give the destination all of its settings anew: PATCH {"settings": {…}}.',
  ),
  stream_stopping: problem(
    'stream_stopping',
    'The stream still finishes what was in flight when it was disabled. Enable it again in a few seconds.',
  ),
  idempotency_in_flight: problem(
    'idempotency_in_flight',
    'A request with this Idempotency-Key is still under way. Ask again in a second to get its answer.',
  ),
  body_too_large: problem('body_too_large', 'The body is larger than 1048576 bytes. Send less at once.'),
  unsupported_media_type: problem(
    'unsupported_media_type',
    'Send the body as JSON with the header `Content-Type: application/json`.',
  ),
  invalid_body: problem('invalid_body', '/nmae: "nmae" is not known here. Did you mean "name"?', {
    errors: [{ pointer: '/nmae', detail: '"nmae" is not known here. Did you mean "name"?' }],
  }),
  not_connectable: problem('not_connectable', notConnectable, {
    errors: [{ pointer: '/type', detail: notConnectable }],
  }),
  side_effects: problem(
    'side_effects',
    'Events of the past would set off what nobody can take back. Name what may be used all the same, {"allowSideEffects": ["sendEmail"]}, or leave these actions out: {"actions": [those that are to be used]}.',
    { errors: [{ pointer: '/allowSideEffects', detail: 'sendEmail: Each event sends an email.' }] },
  ),
  destination_failed: problem(
    'destination_failed',
    'The choices of list_id could not be had: The service answered 403 Forbidden.',
  ),
  idempotency_key_reused: problem(
    'idempotency_key_reused',
    'This Idempotency-Key was used for a request with another body. Use a new key for a new request.',
  ),
  too_many_requests: problem(
    'too_many_requests',
    'This token asks faster than it may. Wait 1 s and ask again; nothing was done.',
  ),
  too_many_live_connections: problem(
    'too_many_live_connections',
    'This process answers 100 requests that go on for ever, and takes no more. End one, or ask another process.',
  ),
  internal: problem('internal', 'An unexpected error; the log has it under this requestId.'),
  unavailable: problem('unavailable', 'The database cannot do this now. Try again in a few seconds.'),
};
