import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { corsHeaders } from './tracking/answer.ts';
import { refusals, type Refusal } from './tracking/refusal.ts';

/**
 * How long a client whose connection is closed on it may go on sending, milliseconds: a connection that is cut while
 * bytes are on their way takes the answer with it (RFC 9112, 9.6).
 */
const lingerMs = 2_000;

/** What Node says of a request that it cannot read, beside all that begins with `HPE_`. */
const faults: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'chunk_extensions_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

const statusTexts: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
};

/**
 * Answers requests that no handler sees, as they are no HTTP or do not arrive: Node itself would do so without a body,
 * and a browser would hide even the status from a page. The connection is closed behind the answer, as nobody knows
 * where a next request would begin; answers to requests before it go out first.
 */
export function answerUnreadable(server: Server): void {
  const latest = new WeakMap<Duplex, ServerResponse>();
  const refused = new WeakSet<Duplex>();
  const remember = (request: IncomingMessage, response: ServerResponse) =>
    latest.set(request.socket, response);
  server.prependListener('request', remember);
  server.prependListener('checkExpectation', remember);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (refused.has(socket)) return; // what comes behind the fault is one, too
    refused.add(socket);
    const { code = '' } = error;
    const fault = faults[code] ?? (code.startsWith('HPE_') ? 'malformed_request' : null);
    if (fault === null) socket.destroy();
    else refuseConnection(socket, fault, latest.get(socket));
  });
}

/**
 * Refuses what comes over a connection, and closes it.
 * @param response to the last request whose head was read. If its body is not complete, it is the one that is refused
 */
export function refuseConnection(socket: Duplex, refusal: Refusal, response?: ServerResponse): void {
  if (response === undefined || response.req.complete) {
    const refuse = () => endWith(socket, answerText(refusal, null));
    if (response === undefined || response.closed) refuse();
    else response.once('close', refuse);
    return;
  }
  // Once its answer has begun, nothing can be said any more.
  const refuse = () => endWith(socket, response.headersSent ? '' : answerText(refusal, response.req));
  if (response.socket !== null || response.closed) refuse();
  else response.once('socket', refuse); // until then answers to earlier requests are on their way
}

function endWith(socket: Duplex, text: string): void {
  if (!socket.writable) return void socket.destroy();
  socket.end(text);
  const cut = setTimeout(() => socket.destroy(), lingerMs);
  cut.unref();
  socket.once('close', () => clearTimeout(cut));
}

function answerText(refusal: Refusal, request: IncomingMessage | null): string {
  const [status, message] = refusals[refusal];
  const body = JSON.stringify({ code: refusal, message });
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...corsHeaders(request),
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${statusTexts[status] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}
