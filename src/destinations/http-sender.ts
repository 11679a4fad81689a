import type { Socket } from 'node:net';
import { buildConnector, Pool } from 'undici';
import type { Outcome } from '../core/outcome.ts';
import type { SendGate } from './definition.ts';
import type { EgressAllow } from './egress-address.ts';
import { runGuarded } from './egress-guard.ts';
import { HttpAttempt, type Answer } from './http-attempt.ts';
import { withoutQuery, type HttpRequest } from './http-exchange.ts';
import { outcomeOf } from './http-outcome.ts';
import { secretMask } from './secret-mask.ts';

export interface HttpTarget {
  readonly url: URL;
  /** For one whole exchange, connecting included. */
  readonly deadlineMs: number;
  /** How many connections are kept; each carries one request at a time. */
  readonly connections: number;
  readonly egress: EgressAllow;
  /** Values that no failure's text may show. */
  readonly secrets: readonly string[];
  /** What messages call it; absent: The destination. */
  readonly called?: string;
}

/** POSTs to one URL over connections that are kept alive. */
export interface HttpSender {
  /** Never rejects. */
  post(request: HttpRequest, gate: SendGate): Promise<Answer>;
  /** What the answer to a request means. */
  outcomeOf(answer: Answer, request: HttpRequest): Outcome;
  /** Ends all connections and everything in flight. */
  close(): Promise<void>;
}

/** Of so many successes the answer is shown, as samples. */
const shownSuccesses = 5;
const maxConnectMs = 10_000;
/** A head longer than this breaks the exchange off. */
const maxHeadBytes = 32_768;

/** Opens a pool of guarded connections; they are made on demand. */
export function openHttpSender(target: HttpTarget): HttpSender {
  const { url, deadlineMs } = target;
  const sockets = new Set<Socket>();
  const pool = new Pool(url.origin, {
    connections: target.connections,
    pipelining: 1,
    allowH2: false,
    connect: guardedConnector(target, sockets),
    // The deadline of an attempt covers both, and the time between them.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: maxHeadBytes,
  });
  const path = url.pathname + url.search;
  const shownUrl = withoutQuery(url.href);
  const mask = secretMask(target.secrets);
  let successesLeft = shownSuccesses;
  return {
    post: ({ headers, body }, gate) =>
      new Promise((resolve) => {
        const attempt = new HttpAttempt(gate, deadlineMs, resolve);
        pool.dispatch({ path, method: 'POST', headers, body }, attempt);
      }),
    outcomeOf: (answer, request) => {
      const showsSuccess = successesLeft > 0;
      const context = { url: shownUrl, request, mask, now: Date.now(), showsSuccess };
      const outcome = outcomeOf(answer, {
        ...context,
        ...(target.called !== undefined && { called: target.called }),
      });
      if (showsSuccess && outcome.kind === 'delivered') successesLeft--;
      return outcome;
    },
    close: async () => {
      const closed = pool.destroy();
      for (const socket of sockets) socket.destroy(); // the pool forgets those that are still connecting
      await closed;
    },
  };
}

/**
 * undici connects again from wherever a connection ended, so the guard's context is entered here, not by the sender's
 * caller. HTTP/1.1 only; certificates are always checked, whatever the environment says.
 */
function guardedConnector(target: HttpTarget, sockets: Set<Socket>): buildConnector.connector {
  const connect = buildConnector({
    timeout: Math.min(maxConnectMs, target.deadlineMs),
    allowH2: false,
    rejectUnauthorized: true,
  });
  return (options, callback) =>
    runGuarded(target.egress, () => {
      // It returns the socket, which undici needs to cancel a connection and its types do not tell.
      const socket = connect(options, callback) as unknown as Socket;
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    });
}
