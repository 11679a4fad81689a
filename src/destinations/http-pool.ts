import type { Socket } from 'node:net';
import { buildConnector, Pool, type Dispatcher } from 'undici';
import type { EgressAllow } from './egress-address.ts';
import { runGuarded } from './egress-guard.ts';

/** What all exchanges with one destination keep to. */
export interface HttpLimits {
  /** For one whole exchange, connecting included. */
  readonly deadlineMs: number;
  /** How many connections are kept to an origin; each carries one request at a time. */
  readonly connections: number;
  readonly egress: EgressAllow;
}

/** Guarded connections to one origin, kept alive. */
export interface HttpPool {
  dispatch: Pool['dispatch'];
  /** Ends all connections and everything in flight. */
  close(): Promise<void>;
}

const maxConnectMs = 10_000;
/** A head longer than this breaks the exchange off. */
const maxHeadBytes = 32_768;

/** Opens a pool; its connections are made on demand. */
export function openHttpPool(origin: string, limits: HttpLimits): HttpPool {
  const sockets = new Set<Socket>();
  const pool = new Pool(origin, {
    connections: limits.connections,
    pipelining: 1,
    allowH2: false,
    connect: guardedConnector(limits, sockets),
    // The deadline of an attempt covers both, and the time between them.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: maxHeadBytes,
  });
  return {
    dispatch: (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) =>
      pool.dispatch(options, handler),
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
function guardedConnector(limits: HttpLimits, sockets: Set<Socket>): buildConnector.connector {
  const connect = buildConnector({
    timeout: Math.min(maxConnectMs, limits.deadlineMs),
    allowH2: false,
    rejectUnauthorized: true,
  });
  return (options, callback) =>
    runGuarded(limits.egress, () => {
      // It returns the socket, which undici needs to cancel a connection and its types do not tell.
      const socket = connect(options, callback) as unknown as Socket;
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    });
}
