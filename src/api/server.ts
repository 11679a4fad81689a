import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { answerUnreadable, refuseConnection } from './refused-connection.ts';
import { answerRefusal } from './tracking/answer.ts';

/** Looks at each request first; true: it is taken, and answered by whoever took it. */
export interface FirstTaker {
  handle(request: IncomingMessage, response: ServerResponse): boolean;
}

export interface ApiServer {
  readonly port: number;
  /** Takes no new connection, lets requests end for at most 7 s, and closes. */
  close(): Promise<void>;
}

/** How long requests may take to end, and how often idle connections are closed meanwhile; milliseconds. */
const drainMs = 7_000;
const sweepMs = 50;
/** Longer than a proxy in front keeps its connections, so that it never sends into one that closes; milliseconds. */
const keepAliveMs = 65_000;
/** A request's headers, and all of it, must have arrived by then: whoever sends more slowly holds on to memory. */
const headersMs = 15_000;
const requestTurns = 60;
const turnMs = 1_000;
/**
 * Room for an event of 32 KB in a pixel's address, in base64 with its escapes, and for the cookies that a browser sends
 * along; bytes. With Node's own 16 KB both are answered 431, and their events are lost.
 */
const maxHeaderBytes = 128 * 1024;

/**
 * The turn at which each request under way is cut, the earliest first. Turns pass while there are requests: a timer for
 * each of them would cost a busy server more than it looks.
 */
const deadlines = new Map<IncomingMessage, { readonly last: number; readonly response: ServerResponse }>();
let turn = 0;
let turning: NodeJS.Timeout | null = null;

/** Node's own deadline is one for all requests: uploads of files need none, and all others do. */
function setDeadline(request: IncomingMessage, response: ServerResponse): void {
  deadlines.set(request, { last: turn + requestTurns + 1, response }); // the turn under way has less than a second left
  request.on('close', onClose);
  turning ??= setTimeout(nextTurn, turnMs).unref();
}

function onClose(this: IncomingMessage): void {
  liftDeadline(this);
}

/** Source: RFC 9112, 3.2. */
function isHostless({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion === '1.1' && headers.host === undefined;
}

/** Lets a request take longer to arrive than others may. */
export function liftDeadline(request: IncomingMessage): void {
  deadlines.delete(request);
  if (deadlines.size > 0 || turning === null) return;
  clearTimeout(turning);
  turning = null;
}

function nextTurn(): void {
  turn += 1;
  turning = setTimeout(nextTurn, turnMs).unref();
  for (const [request, { last, response }] of deadlines) {
    if (last > turn) return;
    liftDeadline(request);
    if (!request.complete) refuseConnection(request.socket, 'request_timeout', response);
  }
}

/** Listens. @param options.port 0 takes a free one. @throws when the port is taken or the host is none of ours */
export async function startServer(options: {
  readonly host: string;
  readonly port: number;
  readonly first: FirstTaker | null;
  readonly app: RequestListener;
}): Promise<ApiServer> {
  const { first, app } = options;
  const bounds = {
    keepAliveTimeout: keepAliveMs,
    headersTimeout: headersMs,
    requestTimeout: 0,
    maxHeaderSize: maxHeaderBytes,
    requireHostHeader: false, // Node would refuse it without a body
  };
  const take: RequestListener = (request, response) => {
    setDeadline(request, response);
    if (isHostless(request)) answerRefusal(request, response, 'host_missing');
    else if (first?.handle(request, response) !== true) app(request, response);
  };
  const server = createServer(bounds, take);
  server.on('checkExpectation', take); // what a client expects in vain is no reason to lose its events
  answerUnreadable(server);
  server.listen(options.port, options.host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      const deadline = performance.now() + drainMs;
      const sweeping = new AbortController();
      const swept = sweep(server, deadline, sweeping.signal);
      await closed;
      sweeping.abort();
      await swept;
    },
  };
}

/** A connection that has just answered would stay open for the next request; a late one is cut. */
async function sweep(
  server: ReturnType<typeof createServer>,
  deadline: number,
  closed: AbortSignal,
): Promise<void> {
  while (!closed.aborted) {
    if (performance.now() >= deadline) server.closeAllConnections();
    else server.closeIdleConnections();
    await delay(sweepMs, undefined, { signal: closed }).catch(() => undefined);
  }
}
