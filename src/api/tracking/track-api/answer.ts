import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerJson, methodsHeaders, refusalHeaders, tooFastHeaders } from '../answer.ts';
import { refusals, type Refusal, type TooFast } from '../refusal.ts';
import type { OperationError } from './received.ts';

/** 200 and an empty object: everything of the request is stored for good. */
export function answerTaken(request: IncomingMessage, response: ServerResponse): void {
  answerJson(request, response, 200, {});
}

/**
 * Operations that cannot be accepted. Of a batch the others are stored: 207, where each error says which one it means.
 * One alone is a 400. Source: docs.customer.io, integrations/api/track.
 */
export function answerErrors(
  request: IncomingMessage,
  response: ServerResponse,
  errors: readonly OperationError[],
  isBatch: boolean,
): void {
  if (isBatch) {
    const all = errors.map(({ index, ...error }) => ({ batch_index: index, ...error }));
    answerJson(request, response, 207, { errors: all });
    return;
  }
  const [{ reason, message, field }] = errors as readonly [OperationError];
  answerJson(request, response, 400, refused(reason, message, field));
}

/** The whole request is refused: nothing of it was stored. */
export function answerTrackRefusal(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: Refusal,
): void {
  refuse(request, response, refusal, refusalHeaders(refusal));
}

/** The source sends more than it may: clients wait and send it again. */
export function answerTrackTooFast(
  request: IncomingMessage,
  response: ServerResponse,
  tooFast: TooFast,
): void {
  refuse(request, response, 'rate_limited', tooFastHeaders(tooFast));
}

/** The address is known, but takes other methods. */
export function answerTrackMethods(
  request: IncomingMessage,
  response: ServerResponse,
  methods: readonly string[],
): void {
  refuse(request, response, 'method_not_allowed', methodsHeaders(methods));
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: Refusal,
  headers: Readonly<Record<string, string | number>>,
): void {
  const [status, message] = refusals[refusal];
  answerJson(request, response, status, refused(refusal, message, ''), headers);
}

/** In the shape of v1 (`meta.errors`) and of v2 (`errors`) in one, beside the code and message of all our answers. */
function refused(code: string, message: string, field: string) {
  return { code, message, meta: { errors: [message] }, errors: [{ reason: code, field, message }] };
}
