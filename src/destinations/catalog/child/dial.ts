import { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import tls from 'node:tls';
import { connectArguments } from '../../connect-arguments.ts';
import type { FromChild, SocketFault, ToChild } from '../protocol.ts';

type Connect = (this: net.Socket, ...args: unknown[]) => net.Socket;
type Dialled = Extract<ToChild, { kind: 'dialled' | 'undialled' }>;

interface Asked {
  readonly socket: net.Socket;
  /** Runs what it is given as a part of the job that dials. */
  readonly within: <T>(work: () => T) => T;
}

/** What connects sockets in truth; taken before `closeNetwork` takes it away. */
const connect = (net.Socket.prototype as { connect: Connect }).connect;

/**
 * Connections of definitions that dial by themselves. A socket that a job connects becomes one to a relay of the parent,
 * which has dialled for it: the parent guards, bounds and counts what goes through. TLS is spoken here, over the relay.
 * What does not belong to a job that may dial is refused, as all else is.
 */
export class ParentDials {
  readonly #tell: (message: FromChild) => void;
  readonly #job: () => number | undefined;
  /** Of jobs that may dial: their sockets. */
  readonly #sockets = new Map<number, Set<net.Socket>>();
  readonly #faults = new Map<number, SocketFault>();
  readonly #asked = new Map<number, Asked>();
  #last = 0;

  /** @param job the one that the calling code belongs to */
  constructor(tell: (message: FromChild) => void, job: () => number | undefined) {
    this.#tell = tell;
    this.#job = job;
  }

  /** Takes the place of what `closeNetwork` has left. Call it after that, before the catalog is loaded. */
  install(): void {
    const dial = (socket: net.Socket, args: readonly unknown[]) => this.#dial(socket, args);
    const refused = (net.Socket.prototype as { connect: Connect }).connect;
    const mayDial = () => this.#sockets.has(this.#job() ?? 0);
    (net.Socket.prototype as { connect: Connect }).connect = function relayed(this: net.Socket, ...args) {
      return mayDial() ? dial(this, args) : refused.apply(this, args);
    };
    const secure = tls.connect as (...args: unknown[]) => tls.TLSSocket;
    const over = (args: readonly unknown[]) => this.#secured(secure, args);
    Object.assign(tls, { connect: (...args: unknown[]) => (mayDial() ? over(args) : secure(...args)) });
    syncBuiltinESMExports();
  }

  /** From now on code of this job may dial. */
  begin(job: number): void {
    this.#sockets.set(job, new Set());
  }

  /** Ends all that the job has connected. @returns why a connection was given up here, which its client may not tell */
  end(job: number): SocketFault | undefined {
    const fault = this.#faults.get(job);
    for (const socket of this.#sockets.get(job) ?? []) endOf(socket);
    this.#sockets.delete(job);
    this.#faults.delete(job);
    return fault;
  }

  /** The parent says how a dial ended. */
  settle(dialled: Dialled): void {
    const asked = this.#asked.get(dialled.dial);
    this.#asked.delete(dialled.dial);
    if (asked === undefined || asked.socket.destroyed) return;
    const { socket, within } = asked;
    if (dialled.kind === 'dialled') {
      const isEnded = socket.writableEnded;
      within(() => connect.call(socket, { path: dialled.path }));
      if (isEnded) socket.end(); // connecting makes it one that may be written to again
    } else {
      const error = Object.assign(new Error(dialled.message), { code: dialled.code });
      within(() => socket.destroy(error));
    }
  }

  #dial(socket: net.Socket, args: readonly unknown[]): net.Socket {
    const { options, rest } = connectArguments(args);
    const [listener] = rest as (() => void)[];
    const job = this.#job()!;
    const dial = ++this.#last;
    const sockets = this.#sockets.get(job)!;
    if (listener !== undefined) socket.once('connect', listener);
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      this.#asked.delete(dial);
    });
    // Until the relay is there, writes wait for it.
    Object.assign(socket, { connecting: true });
    this.#asked.set(dial, { socket, within: AsyncLocalStorage.snapshot() });
    // A path names a socket of the file system, which the parent refuses to dial.
    const host = options.path || options.host || 'localhost';
    const port = options.path ? 0 : Number(options.port);
    this.#tell({ kind: 'dial', job, dial, host, port });
    return socket;
  }

  /** TLS over a socket of its own, as that of TLS itself would have to know where it leads before the parent does. */
  #secured(secure: (...args: unknown[]) => tls.TLSSocket, args: readonly unknown[]): tls.TLSSocket {
    const { options, listener } = secureArguments(args);
    if (options.socket !== undefined) return secure(options, listener);
    const job = this.#job()!;
    // Throws what is wrong with keys and certificates before anything is dialled.
    const secureContext = options.secureContext ?? tls.createSecureContext(options);
    const socket = net.connect({ host: options.host ?? 'localhost', port: Number(options.port) });
    const secured = secure({ ...options, secureContext, socket }, listener);
    secured.once('error', (error: Error & { readonly code?: unknown }) => {
      if (typeof error.code === 'string')
        this.#faults.set(job, { code: error.code, message: error.message.slice(0, 500) });
    });
    return secured;
  }
}

/** Whoever listens for errors is told of the end, as a client else keeps its timers for what it takes for open. */
function endOf(socket: net.Socket): void {
  const isHeard = socket.listenerCount('error') > 0;
  socket.destroy(isHeard ? new Error('Its delivery is over.') : undefined);
}

/** The forms that tls.connect takes, as one: (options), (port, host?, options?), each with an optional callback. */
function secureArguments(args: readonly unknown[]): {
  readonly options: tls.ConnectionOptions;
  readonly listener: unknown;
} {
  const { options } = connectArguments(args);
  const more = args.slice(1).find((arg) => typeof arg === 'object' && arg !== null) ?? {};
  const listener = args.find((arg) => typeof arg === 'function');
  return { options: { ...(options as tls.ConnectionOptions), ...more }, listener };
}
