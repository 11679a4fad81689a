import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Script } from './browser-client.ts';
import { refusals, type Refusal, type StrictRefusal, type TooFast } from './refusal.ts';

/** When clients may try again after our own trouble; seconds. */
const retryAfterSeconds = 2;
/** How long a browser may remember a preflight's answer; seconds. */
const preflightSeconds = 86_400;

const success = '{"success":true}';

/** 200: everything of the request is stored for good. Some clients accept no other status and need a JSON body. */
export function answerSuccess(request: IncomingMessage, response: ServerResponse): void {
  send(request, response, 200, {}, success);
}

/** A refusal with its code and message; clients read both. */
export function answerRefusal(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  refuse(request, response, refusal, { headers: refusalHeaders(refusal) });
}

type Headers = Readonly<Record<string, string | number>>;

/** What a refusal says about trying again. */
export function refusalHeaders(refusal: Refusal): Headers {
  return refusals[refusal][0] === 503 ? { 'Retry-After': retryAfterSeconds } : {};
}

/** A refusal in strict mode: each event at fault with what is wrong with it. */
export function answerStrict(
  request: IncomingMessage,
  response: ServerResponse,
  { errors }: StrictRefusal,
): void {
  refuse(request, response, 'events_invalid', { errors });
}

/** Clients wait for as long as they are told, and no try of theirs is lost; they cut it at 300 s. */
export function answerTooFast(request: IncomingMessage, response: ServerResponse, tooFast: TooFast): void {
  refuse(request, response, 'rate_limited', { headers: tooFastHeaders(tooFast) });
}

/** When a client that sent too fast may go on. */
export function tooFastHeaders({ waitMs }: TooFast): Headers {
  const seconds = Math.min(300, Math.ceil(waitMs / 1_000));
  return { 'Retry-After': seconds, 'X-RateLimit-Reset': Math.ceil(Date.now() / 1_000) + seconds };
}

/** The address is ours, but takes other methods. */
export function answerMethods(
  request: IncomingMessage,
  response: ServerResponse,
  methods: readonly string[],
): void {
  refuse(request, response, 'method_not_allowed', { headers: methodsHeaders(methods) });
}

/** The methods that an address takes. */
export function methodsHeaders(methods: readonly string[]): Headers {
  return { Allow: [...methods, 'OPTIONS'].join(', ') };
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  code: Refusal,
  { headers = {}, errors }: { headers?: Headers } & Partial<StrictRefusal>,
): void {
  const [status, message] = refusals[code];
  answerJson(request, response, status, { code, message, errors }, headers);
}

/** A document with the headers that every answer of the tracking API has. */
export function answerJson(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  document: unknown,
  headers: Headers = {},
): void {
  send(request, response, status, headers, JSON.stringify(document));
}

/** What a client asked for. @param maxAge for how long it may keep it; seconds */
export function answerDocument(
  request: IncomingMessage,
  response: ServerResponse,
  document: unknown,
  maxAge: number,
): void {
  send(request, response, 200, { 'Cache-Control': `public, max-age=${maxAge}` }, JSON.stringify(document));
}

/** A script, packed if the browser takes it so. @param caching how long it may be kept, as Cache-Control says it */
export function answerScript(
  request: IncomingMessage,
  response: ServerResponse,
  { plain, gzip }: Script,
  caching: string,
): void {
  const takesGzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  const headers = {
    'Content-Type': 'text/javascript; charset=utf-8',
    'Cache-Control': caching,
    Vary: 'Origin, Accept-Encoding',
    ...(takesGzip && { 'Content-Encoding': 'gzip' }),
  };
  send(request, response, 200, headers, takesGzip ? gzip : plain);
}

/** The image that a pixel's page shows, whatever became of the event. */
export function answerImage(request: IncomingMessage, response: ServerResponse, image: Buffer): void {
  send(request, response, 200, { 'Content-Type': 'image/gif', 'Cache-Control': 'no-store' }, image);
}

/** Lets a page of any origin send events: write keys are public, and no cookie means anything here. */
export function answerPreflight(
  request: IncomingMessage,
  response: ServerResponse,
  methods = 'GET, POST, OPTIONS',
): void {
  response.writeHead(200, {
    ...corsHeaders(request),
    'Access-Control-Allow-Methods': methods,
    'Access-Control-Allow-Headers': request.headers['access-control-request-headers'] ?? '*',
    'Access-Control-Max-Age': preflightSeconds,
    'Content-Length': 0,
  });
  response.end();
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Headers,
  body: string | Buffer,
): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...corsHeaders(request),
    ...headers,
  });
  response.end(body); // as text it leaves in one piece with the headers
}

/**
 * On every answer: without them a browser hides even the status from the page's client.
 * @param request null: its head could not be read
 */
export function corsHeaders(request: IncomingMessage | null): Record<string, string> {
  const origin = request?.headers.origin;
  const exposed = { 'Access-Control-Expose-Headers': 'Retry-After, X-RateLimit-Reset' };
  if (origin === undefined) return { 'Access-Control-Allow-Origin': '*', ...exposed };
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Allow-Credentials': 'true',
    Vary: 'Origin',
    ...exposed,
  };
}
