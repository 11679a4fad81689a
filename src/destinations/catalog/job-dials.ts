import { once } from 'node:events';
import net from 'node:net';
import type { EgressAllow, Ports } from '../egress-address.ts';
import { runGuarded } from '../egress-guard.ts';
import { openRelay, type Relay } from './relay.ts';

/** What a definition that dials by itself may do. */
export interface DialRule {
  readonly egress: EgressAllow;
  /** May be dialled beside those of HTTP. */
  readonly ports: Ports;
}

/** One connection that a job wanted, and what became of it. */
export interface Dialled {
  readonly host: string;
  readonly port: number;
  /** It was there. */
  connected: boolean;
  /** Something has left over it, or may have. */
  wrote: boolean;
  /** Why there was none, or why it was ended from here. */
  error: Error | null;
}

/** Asked before a connection is made and whenever something is written to it. */
export interface DialGate {
  mayDial(): boolean;
  mayWrite(): boolean;
}

/** A job speaks to a few servers; one whose servers come out of answers has no more than these connections. */
const mostDials = 64;
const connectMs = 10_000;
/** A connection over which nothing comes or goes for so long is ended. */
const silentMs = 20_000;
/** Bytes that a connection may bring: a list of all topics, or of a folder, is shorter. */
const answerBytes = 4_194_304;

class DialError extends Error {
  override readonly name = 'DialError';
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The connections of one job whose definition dials by itself. Each is made here, inside the guard, and led to the child
 * over a relay; what goes out asks the gate, what comes in is bounded, and all end with the job.
 */
export class JobDials {
  /** In their order. */
  readonly all: Dialled[] = [];
  readonly #rule: DialRule;
  readonly #gate: DialGate;
  readonly #ends = new Set<() => void>();
  #over = false;

  constructor(rule: DialRule, gate: DialGate) {
    this.#rule = rule;
    this.#gate = gate;
  }

  /** Dials. Never rejects. @returns where the connection can be taken, or why there is none */
  async open(host: string, port: number): Promise<{ readonly path: string } | DialError> {
    if (this.#over) return new DialError('Its delivery is over.', 'NO_JOB');
    if (this.all.length >= mostDials) return new DialError('These are too many connections.', 'NOT_SENT');
    if (!this.#gate.mayDial()) return new DialError('Nothing may leave any more.', 'NOT_SENT');
    const dialled: Dialled = { host, port, connected: false, wrote: false, error: null };
    this.all.push(dialled);
    try {
      return { path: await this.#open(dialled) };
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      dialled.error ??= error;
      return new DialError(error.message, codeOf(error));
    }
  }

  /** Ends all connections; none is made any more. */
  end(): void {
    this.#over = true;
    for (const end of this.#ends) end();
  }

  /** @throws why there is no connection */
  async #open(dialled: Dialled): Promise<string> {
    const outside = await this.#connect(dialled);
    let relay: Relay;
    try {
      relay = await openRelay();
    } catch (error) {
      outside.destroy();
      throw error;
    }
    outside.once('close', () => relay.close());
    void this.#lead(relay, outside, dialled);
    return relay.path;
  }

  async #lead(relay: Relay, outside: net.Socket, dialled: Dialled): Promise<void> {
    const inside = await relay.taken;
    if (inside === null) outside.destroy();
    else if (outside.destroyed) inside.destroy();
    else this.#join(inside, outside, dialled);
  }

  /** @throws why it cannot be reached */
  async #connect(dialled: Dialled): Promise<net.Socket> {
    const { egress, ports } = this.#rule;
    const { host, port } = dialled;
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new DialError(`${port} is no port that can be dialled.`, 'EGRESS_REFUSED');
    const socket = runGuarded(egress, () => net.connect({ host, port, allowHalfOpen: true }), ports);
    const end = () => (socket.connecting ? socket.destroy() : socket.resetAndDestroy());
    this.#ends.add(end);
    socket.once('close', () => this.#ends.delete(end));
    socket.on('error', (error) => {
      if (!this.#over) dialled.error ??= error; // what ends with the job has not broken off
    });
    const late = new DialError(`Within ${connectMs} ms no connection was made.`, 'ETIMEDOUT');
    const timer = setTimeout(() => socket.destroy(late), connectMs);
    try {
      await once(socket, 'connect');
    } finally {
      clearTimeout(timer);
    }
    if (this.#over) {
      end();
      throw new DialError('Its delivery is over.', 'NO_JOB');
    }
    dialled.connected = true;
    return socket;
  }

  /** Leads what the child writes outside, and what comes from there to the child. */
  #join(inside: net.Socket, outside: net.Socket, dialled: Dialled): void {
    const give = (error: Error) => {
      dialled.error ??= error;
      outside.resetAndDestroy(); // so that the other side learns of it
    };
    outside.setNoDelay(true);
    const silent = new DialError(`For ${silentMs} ms nothing came or went.`, 'DEADLINE');
    const timer = setTimeout(() => give(silent), silentMs);
    inside.on('data', (chunk: Buffer) => {
      if (!this.#gate.mayWrite()) return give(new DialError('Nothing may leave any more.', 'NOT_SENT'));
      dialled.wrote = true;
      timer.refresh();
      if (!outside.write(chunk)) inside.pause();
    });
    outside.on('drain', () => inside.resume());
    let received = 0;
    outside.on('data', (chunk: Buffer) => {
      received += chunk.length;
      timer.refresh();
      if (received > answerBytes)
        return give(new DialError(`It sent more than ${answerBytes} bytes.`, 'ANSWER_TOO_LONG'));
      if (!inside.write(chunk)) outside.pause();
    });
    inside.on('drain', () => outside.resume());
    inside.on('end', () => outside.end());
    const closed = () => {
      if (received === 0 && !dialled.wrote)
        dialled.error ??= new DialError('It was closed before anything was said.', 'ECONNRESET');
      inside.end();
    };
    if (outside.readableEnded) closed(); // before anybody came for it
    outside.on('end', closed);
    inside.on('error', () => outside.destroy()); // the child is gone, or has let go of it
    inside.on('close', () => outside.destroy());
    outside.on('close', () => {
      clearTimeout(timer);
      inside.destroy();
    });
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'NOT_CONNECTED';
}
