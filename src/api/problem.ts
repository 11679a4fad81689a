/** Every way in which the admin API refuses, with its status and title. The codes are stable: clients branch on them. */
export const problemKinds = {
  malformed_json: [400, 'The body is not JSON'],
  repeated_member: [400, 'The body has a member twice'],
  invalid_query: [400, 'A query parameter cannot be used'],
  invalid_idempotency_key: [400, 'The Idempotency-Key header cannot be used'],
  unauthorized: [401, 'The request carries no valid token'],
  forbidden: [403, 'The token may not do this'],
  not_found: [404, 'There is nothing at this address'],
  method_not_allowed: [405, 'This address does not take this method'],
  upload_cut: [408, 'The upload broke off'],
  import_running: [409, 'The import is being sent'],
  import_completed: [409, 'The import is completed'],
  import_differs: [409, 'The file is not the one that the import began with'],
  too_many_notifications: [409, 'There are as many notifications as there may be'],
  key_not_everywhere: [409, 'Not every process has the secret key'],
  replay_running: [409, 'The destination is busy with another replay'],
  nothing_to_retry: [409, 'No dead letter is left to retry'],
  replay_planned: [409, 'The replay has not begun'],
  replay_ended: [409, 'The replay has ended'],
  destination_disabled: [409, 'The destination is disabled'],
  settings_unreadable: [409, 'The settings of the destination cannot be opened'],
  stream_stopping: [409, 'The stream of the destination still stops'],
  idempotency_in_flight: [409, 'A request with this Idempotency-Key is under way'],
  body_too_large: [413, 'The body is too large'],
  unsupported_media_type: [415, 'The body has a type that is not taken'],
  invalid_body: [422, 'The body has fields that cannot be used'],
  not_connectable: [422, 'Destinations of this type cannot be connected'],
  side_effects: [422, 'The replay would set off what nobody can take back'],
  unreadable_file: [422, 'The file cannot be read'],
  destination_failed: [424, 'The destination could not do it'],
  idempotency_key_reused: [422, 'This Idempotency-Key belongs to another request'],
  too_many_requests: [429, 'The token asks too often'],
  too_many_live_connections: [429, 'The process answers too many requests that go on for ever'],
  internal: [500, 'Something went wrong here'],
  unavailable: [503, 'Reprise cannot answer for the moment'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof problemKinds;

/** One field at fault: `pointer` leads into the body (RFC 6901), `parameter` names one of the query. */
export interface FieldFault {
  readonly pointer?: string;
  readonly parameter?: string;
  readonly detail: string;
}

/** A refusal as a value: handlers return it, the application turns it into an answer. */
export interface Problem {
  readonly problem: ProblemCode;
  /** What is wrong and what helps, for the person who reads it. */
  readonly detail: string;
  readonly errors?: readonly FieldFault[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Members beside the standard ones, such as the id of the replay that is in the way. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Makes a refusal. */
export function problem(
  code: ProblemCode,
  detail: string,
  more: Omit<Problem, 'problem' | 'detail'> = {},
): Problem {
  return { problem: code, detail, ...more };
}

export function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'problem' in value;
}

/**
 * The document of RFC 9457, whose `type` leads to the page of its code on this server, with `code`, `errors` and `requestId` beside its own members.
 */
export function problemDocument(refusal: Problem, requestId: string): Record<string, unknown> {
  const [status, title] = problemKinds[refusal.problem];
  return {
    ...refusal.members,
    type: `/docs/errors/${refusal.problem}`,
    title,
    status,
    code: refusal.problem,
    detail: refusal.detail,
    ...(refusal.errors !== undefined && { errors: refusal.errors }),
    requestId,
  };
}
