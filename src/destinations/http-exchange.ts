import type { ReceivedAnswer, SentRequest } from '../core/outcome.ts';
import type { AnswerHead } from './http-attempt.ts';
import { namesSecret, type SecretMask } from './secret-mask.ts';
import { withoutUser } from './shown-url.ts';

/** One request as it was written. */
export interface HttpRequest {
  /** POST unless it says otherwise. */
  readonly method?: string;
  /** name, value, name, value, ... */
  readonly headers: string[];
  readonly body: Uint8Array;
  /** The body before it was compressed. */
  readonly plain?: Uint8Array;
  /** How many deliveries it carries. */
  readonly deliveries: number;
}

/** How much of a body is shown, in bytes. */
const bodyBytes = 4_096;
const headerLength = 500;

/** Headers of an answer that tell a person something; others may carry what is nobody's business. */
const toldHeaders =
  /^(content-(type|length|encoding)|date|server|via|retry-after|location|www-authenticate|allow|cf-ray|(x-)?(amzn-)?(request|correlation|trace)-?id|(x-)?rate-?limit.*)$/;

/** What may be shown of a request. @param url without query and credentials */
export function sentRequest(url: string, request: HttpRequest, mask: SecretMask): SentRequest {
  const { body, deliveries } = request;
  const headers = pairsOf(request.headers).map(([name, value]) => [
    name.toLowerCase(),
    shownText(mask.header(name, value), headerLength),
  ]);
  return {
    method: request.method ?? 'POST',
    url: mask.text(url, false),
    headers: Object.fromEntries(headers) as Record<string, string>,
    body: shownBody(request.plain ?? body, mask),
    bodyBytes: body.length,
    deliveries,
  };
}

/** What may be shown of an answer. What the request proved itself with is hidden, too, should the answer repeat it. */
export function receivedAnswer(
  head: AnswerHead,
  body: Uint8Array,
  request: HttpRequest,
  mask: SecretMask,
): ReceivedAnswer {
  const proofs = pairsOf(request.headers).filter(([name]) => namesSecret(name));
  const all = mask.with(proofs.flatMap(([, value]) => [value, ...value.split(' ')]));
  const headers = Object.entries(head.headers).flatMap(([name, value]) =>
    value === undefined || !toldHeaders.test(name) ? [] : [[name, toldValue(name, String(value), all)]],
  );
  const encoding = String(head.headers['content-encoding'] ?? 'identity');
  const packed = encoding !== 'identity' && body.length > 0;
  return {
    headers: Object.fromEntries(headers) as Record<string, string>,
    body: packed ? `(a body in ${shownText(encoding, 40)} encoding)` : shownBody(body, all),
  };
}

function toldValue(name: string, value: string, mask: SecretMask): string {
  return shownText(mask.text(name === 'location' ? withoutQuery(value) : value, false), headerLength);
}

/** A URL as it may be shown: without credentials, query and fragment. */
export function withoutQuery(text: string): string {
  const url = URL.parse(text);
  if (url !== null && url.origin !== 'null') return `${url.origin}${url.pathname}`;
  // One without a scheme, or with one that has no origin.
  return withoutUser(text.split(/[?#]/)[0] ?? '', '');
}

/** A text that Postgres takes in jsonb (neither NUL nor half a surrogate pair, which a cut can make). */
export function shownText(text: string, length: number): string {
  return text.replaceAll('\0', '\u{fffd}').slice(0, length).toWellFormed();
}

/** Bytes that are no UTF-8, or no longer since the cut, stand as U+FFFD. A short body may be cut, too: it broke off. */
function shownBody(body: Uint8Array, mask: SecretMask): string {
  const start = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, bodyBytes)).toString();
  return shownText(mask.text(start, true), bodyBytes);
}

function pairsOf(flat: readonly string[]): [name: string, value: string][] {
  return Array.from({ length: flat.length / 2 }, (_, pair) => [flat[2 * pair]!, flat[2 * pair + 1]!]);
}
