import type { ProblemCode } from '../problem.ts';

/** What the page of an error says beside its title and example. */
export interface ErrorText {
  /** When it comes. */
  readonly when: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** What to know about each refusal of the admin API; the type demands a text for every code that there is. */
export const problemTexts: Readonly<Record<ProblemCode, ErrorText>> = {
  malformed_json: {
    when: 'The body is not JSON in UTF-8, is empty where one is needed, or broke off on its way.',
    remedy: 'Mend the body at the line and column that the answer names, where it names them.',
  },
  repeated_member: {
    when: 'An object of the body has two members of one name, so that one of them would be left out without a word.',
    remedy: 'Send the member once: `errors` points at it, `line` and `column` at the second of the two.',
  },
  invalid_query: {
    when: 'A query parameter is not known at this address, has a value that it does not take, or comes twice; or a cursor belongs to another list.',
    remedy:
      'Each entry of `errors` names a parameter and what it takes. Pass `nextCursor` on as it is, to the list that gave it, or leave `cursor` out to begin anew.',
  },
  invalid_idempotency_key: {
    when: 'The header Idempotency-Key is empty, too long, or has spaces or letters beyond ASCII.',
    remedy: 'Send a new UUID for each thing that is to be made once.',
  },
  unauthorized: {
    when: 'The request has no token, or one that this server does not know, that has expired or was revoked. Also when a write key is sent instead: it is for events alone.',
    remedy:
      'Send `Authorization: Bearer <token>` with the token of the environment (`REPRISE_ADMIN_TOKEN`; `npm start` keeps it in its data folder) or one made by `POST /api/tokens`. A revoked token never comes back: make another.',
  },
  forbidden: {
    when: 'The token is good, but its role may not do this: `viewer` reads, `operator` also works the engine, `admin` does everything.',
    remedy: 'Use a token of the role in `neededRole`, or ask an admin for one. A token’s role never changes.',
  },
  not_found: {
    when: 'Nothing is at this address: the path is misspelt, the id is not whole, or what had it was deleted.',
    remedy: 'Take the id from its list (for example `GET /api/replays`), the path from the reference.',
  },
  method_not_allowed: {
    when: 'The address is known, and takes other methods.',
    remedy: 'Use one of those in the header Allow.',
  },
  upload_cut: {
    when: 'The connection ended before the file of an import did.',
    remedy:
      'Send the whole file again, to `POST /api/imports/{id}/resume` or with the same Idempotency-Key: it goes on behind what is committed, and stores nothing twice.',
  },
  import_running: {
    when: 'Another request sends the file of this import at this moment.',
    remedy:
      'Wait for its end; `GET /api/imports/{id}` shows how far it is. A sender that died without a word is given up after ten seconds.',
  },
  import_completed: {
    when: 'The import has all of its file already.',
    remedy: 'Make a new import for a file that has grown: events that are archived are not stored twice.',
  },
  import_differs: {
    when: 'The file is not the one that the import took so far, so it cannot go on with it.',
    remedy: 'Send the file as it was at the beginning, or make a new import of this one.',
  },
  too_many_notifications: {
    when: 'Another address is to be told of operator events, and there are as many as there may be.',
    remedy:
      'Delete one that is not needed (`GET /api/notifications` lists them), or let one receiver pass on to others.',
  },
  key_not_everywhere: {
    when: 'Everything is to be sealed with a new secret key that a running process does not have, or does not seal with, yet.',
    remedy:
      'Start the processes that `GET /api/processes` shows without it again, as docs/secret-key.md describes, and ask again.',
  },
  replay_running: {
    when: 'A destination has one replay at a time, and another one is not over. Also when an account is to be changed under a replay.',
    remedy: 'Wait for the end of the replay in `replayId`, or cancel it. What it delivered stays known.',
  },
  nothing_to_retry: {
    when: 'None of the dead letters that are meant is open: they were delivered since, wait for a next try, or another replay has taken them up.',
    remedy: '`GET /api/dead-letters?open=true` lists those that can be retried now.',
  },
  replay_planned: {
    when: 'The replay waits for its time or its turn and is not paused, so there is nothing to resume; nor does anything of it wait that could be given up on.',
    remedy:
      'Wait until it begins by itself. `PATCH /api/replays/{id}` with `{"schedule": null}` begins it as soon as it may; it can also be paused until it is resumed, or cancelled.',
  },
  replay_ended: {
    when: 'The replay is completed, cancelled or failed, and stays as it ended.',
    remedy: 'Start a new one: with mode `missing` it sends only what is still lacking.',
  },
  destination_disabled: {
    when: 'The destination is disabled, by hand or because it said that it is gone (410), so nothing can be sent to it.',
    remedy:
      'Mend what it was disabled for (its `statusReason` says it), then `PATCH /api/destinations/{id}` with `{"enabled": true}`.',
  },
  settings_unreadable: {
    when: 'The settings of the destination were sealed with another key than this server has.',
    remedy:
      'Start the server with the `REPRISE_SECRET_KEY` of before, or give the destination all of its settings anew (`PATCH /api/destinations/{id}`); a part of them is refused.',
  },
  stream_stopping: {
    when: 'The destination is enabled while its stream still finishes what was in flight when it was disabled.',
    remedy: 'Try again after the seconds in Retry-After.',
  },
  idempotency_in_flight: {
    when: 'The same request, with the same Idempotency-Key, is still being worked.',
    remedy: 'Ask again in a second: the answer is then that of the first request.',
  },
  body_too_large: {
    when: 'The body has more than a megabyte after decompression.',
    remedy: 'Send less at once. Files of events of any size go to `POST /api/imports`.',
  },
  unsupported_media_type: {
    when: 'The body has a type, a charset or a Content-Encoding that is not taken here.',
    remedy: 'Send JSON in UTF-8 as `application/json`, plain or as gzip, deflate or br.',
  },
  invalid_body: {
    when: 'The body is JSON, and has fields that are missing, not known or not usable.',
    remedy:
      'Each entry of `errors` has a JSON pointer to a field and says what it takes; for a name that is not known, the nearest one that is. Nothing was changed.',
  },
  not_connectable: {
    when: 'The catalog has the type, but Reprise cannot send to it; `detail` says why.',
    remedy:
      '`GET /api/catalog?connectable=true` lists what can be connected. Whatever takes HTTP can be reached by a `webhook` of yours, and whoever speaks Segment’s API by `segment`.',
  },
  side_effects: {
    when: 'Actions of the destination reach people, or take something away, and a replay or retry would use them for events of the past.',
    remedy:
      'Name the actions that may be used in `allowSideEffects`, or name in `actions` those that are to be used; a retry can be of other dead letters. `GET /api/catalog/{type}` says what each does.',
  },
  unreadable_file: {
    when: 'The file of an import is empty, is not compressed as it says, or has no header that can be read.',
    remedy: 'Mend the file at the line that the answer names, and send it again.',
  },
  destination_failed: {
    when: 'The service of a destination, or the code of its definition, was asked for something and refused, failed or did not answer in time.',
    remedy:
      'The detail says what it answered. `POST /api/destinations/{id}/test` shows whether the settings are good; what is missing in `payload` may be what it asks for. Nothing was changed.',
  },
  idempotency_key_reused: {
    when: 'The Idempotency-Key came before, at this address, with another body.',
    remedy: 'Use a new key for a new request. A key is kept for 24 hours.',
  },
  too_many_requests: {
    when: 'The token made more requests than it may in one API process. Every answer says what is left in the header RateLimit.',
    remedy:
      'Wait for the seconds in Retry-After. Give each program a token of its own, watch progress by `GET …/progress` instead of asking again and again, or have the limit raised (`REPRISE_API_RATE`).',
  },
  too_many_live_connections: {
    when: 'An API process keeps as many answers of server-sent events open as it can (100).',
    remedy:
      'End those that nobody looks at, or ask again after the seconds in Retry-After: another process may take it.',
  },
  internal: {
    when: 'A fault of Reprise. Whether something was changed is not known.',
    remedy:
      'The log has the cause under the `requestId` of the answer. Ask again with the same Idempotency-Key where the request has one; if it stays, report it with the log line.',
  },
  unavailable: {
    when: 'The database does not answer, or cannot take this now.',
    remedy:
      'Ask again after the seconds in Retry-After. A request that creates is safe to repeat with an Idempotency-Key. `GET /readyz` says what is away.',
  },
};
