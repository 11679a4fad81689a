import { STATUS_CODES } from 'node:http';
import { errors } from 'undici';
import type { Failure, Outcome } from '../core/outcome.ts';
import type { Answer, AnswerHead } from './http-attempt.ts';
import { receivedAnswer, sentRequest, shownText, withoutQuery, type HttpRequest } from './http-exchange.ts';
import { retryAfterMs } from './retry-after.ts';
import type { SecretMask } from './secret-mask.ts';

/** What failures are told with. */
export interface OutcomeContext {
  /** Where the request went, without query and credentials. */
  readonly url: string;
  readonly request: HttpRequest;
  readonly mask: SecretMask;
  /** This process's clock when the outcome is known, ms since 1970. */
  readonly now: number;
  /** Whether a success tells what was answered. */
  readonly showsSuccess: boolean;
  /** What messages call who is sent to; absent: The destination. */
  readonly called?: string;
}

const delivered: Outcome = { kind: 'delivered' };
const notSent: Outcome = { kind: 'notSent' };
const noBytes = Buffer.alloc(0);
const messageLength = 500;

/**
 * What an answer means for the deliveries in its request. 2xx delivered, 410 gone, 401 down, 429 throttled (503 too
 * when it says for how long), 408, 425 and other 5xx failed, the rest refused, redirects included. Without an answer:
 * down when the request cannot have left, failed when it may have.
 */
export function outcomeOf(answer: Answer, context: OutcomeContext): Outcome {
  if (answer.kind === 'notSent') return notSent;
  if (answer.kind === 'broken') return brokenOutcome(answer, context);
  const { status } = answer.head;
  if (status >= 200 && status < 300)
    return context.showsSuccess ? { kind: 'delivered', answer: successOf(answer, context) } : delivered;
  const failure = answerFailure(answer, context);
  if (status === 410) return { kind: 'gone', failure };
  if (status === 401) return { kind: 'down', failure };
  if (status === 429 || status === 503) {
    const wait = retryAfterMs(header(answer.head, 'retry-after'), header(answer.head, 'date'), context.now);
    if (status === 429 || wait !== null) return { kind: 'throttled', failure, retryAfterMs: wait };
  }
  const transient = status >= 500 || status === 408 || status === 425;
  return { kind: transient ? 'failed' : 'refused', failure };
}

/** A success in a line, as `200 OK in 12 ms: {"ok":true}`. */
function successOf(
  { head, body, tookMs }: Extract<Answer, { kind: 'answered' }>,
  context: OutcomeContext,
): string {
  const said = receivedAnswer(head, body, context.request, context.mask).body;
  const line = `${head.status}${nameOf(head.status)} in ${Math.round(tookMs)} ms`;
  return shown(said === '' ? line : `${line}: ${said}`, context);
}

const calledIn = ({ called = 'The destination' }: OutcomeContext) => called;

function nameOf(status: number): string {
  return STATUS_CODES[status] === undefined ? '' : ` ${STATUS_CODES[status]}`;
}

function answerFailure(answer: Extract<Answer, { kind: 'answered' }>, context: OutcomeContext): Failure {
  const { status } = answer.head;
  const location = header(answer.head, 'location');
  const moved =
    status >= 300 && status < 400 && location !== undefined
      ? ` It points to ${withoutQuery(location)}; redirects are not followed, so set that as the URL if it is right.`
      : '';
  return {
    errorClass: `http_${status}`,
    message: shown(`${calledIn(context)} answered ${status}${nameOf(status)}.${moved}`, context),
    status,
    ...exchangeOf(answer, context),
  };
}

/** What a person may see of the exchange of a failure. */
function exchangeOf(
  answer: { readonly tookMs: number; readonly head: AnswerHead | null; readonly body?: Buffer },
  { url, request, mask, now }: OutcomeContext,
): Pick<Failure, 'at' | 'tookMs' | 'request' | 'response'> {
  const { head, tookMs, body = noBytes } = answer;
  return {
    at: new Date(now - tookMs).toISOString(),
    tookMs: Math.round(tookMs),
    request: sentRequest(url, request, mask),
    ...(head !== null && { response: receivedAnswer(head, body, request, mask) }),
  };
}

function brokenOutcome(answer: Extract<Answer, { kind: 'broken' }>, context: OutcomeContext): Outcome {
  const { error, written, head } = answer;
  const { errorClass, isTls } = brokenClass(error, written);
  const failure: Failure = {
    errorClass,
    message: shown(messageOf(error, written, calledIn(context)), context),
    ...(head === null ? {} : { status: head.status }),
    ...exchangeOf(answer, context),
  };
  // A TLS alert can come after the first bytes were written; no request was processed then.
  return { kind: written && !isTls ? 'failed' : 'down', failure };
}

const classes: Readonly<Record<string, string>> = {
  EGRESS_REFUSED: 'egress_refused',
  ECONNREFUSED: 'connection_refused',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ECONNRESET: 'connection_reset',
  EPIPE: 'connection_reset',
  UND_ERR_SOCKET: 'connection_reset',
  UND_ERR_HEADERS_OVERFLOW: 'bad_answer',
  ANSWER_TOO_LONG: 'bad_answer',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'bad_answer',
  UND_ERR_DESTROYED: 'aborted',
};
const tlsCode = /^(ERR_SSL|ERR_TLS|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_|INVALID_CA|EPROTO$)/;

/** The class of what broke off, or could not be reached. @param written something had left */
export function brokenClass(
  error: Error,
  written: boolean,
): { readonly errorClass: string; readonly isTls: boolean } {
  const code = codeOf(error);
  if (tlsCode.test(code)) return { errorClass: 'tls', isTls: true };
  if (error instanceof errors.HTTPParserError) return { errorClass: 'bad_answer', isTls: false };
  const timeout = code === 'DEADLINE' || code === 'ETIMEDOUT' || code === 'UND_ERR_CONNECT_TIMEOUT';
  if (timeout) return { errorClass: written ? 'timeout' : 'connect_timeout', isTls: false };
  return { errorClass: classes[code] ?? (written ? 'broken_exchange' : 'connect_failed'), isTls: false };
}

function messageOf(error: Error, written: boolean, called: string): string {
  const code = codeOf(error);
  if (code === 'EGRESS_REFUSED') return error.message;
  const what = error.message === '' ? code : error.message;
  return written
    ? `The request was sent, but the exchange broke off: ${what}`
    : `${called} could not be reached: ${what}`;
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function header(head: AnswerHead, name: string): string | undefined {
  const value = head.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function shown(text: string, { mask }: OutcomeContext): string {
  return shownText(mask.text(text, false), messageLength);
}
