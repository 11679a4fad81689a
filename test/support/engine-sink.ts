import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished, vi } from 'vitest';

/** One event that came in. Several share a request when the destination takes batches. */
export interface Arrival {
  /** `webhook-id`: that of the delivery, or of the batch. */
  readonly id: string;
  readonly messageId: string;
  readonly userId: string;
  /** The sender's count of its tries, from 1. */
  readonly attempt: number;
  /** When it was there in full, on `performance.now()`. */
  readonly at: number;
  /** What was answered; 0 while the answer is out. */
  status: number;
}

/** How the sink answers: a status, one with Retry-After in seconds, after a while, or never. */
export type Answer =
  | number
  | 'never'
  | {
      readonly status: number;
      readonly retryAfter?: number;
      readonly afterMs?: number;
      readonly after?: Promise<void>;
    };

/** An HTTP destination on loopback, in this process, that remembers what came in. It ends with its test. */
export class EngineSink {
  readonly arrivals: Arrival[] = [];
  /** The requests' bodies, as they came. */
  readonly bodies: string[] = [];
  /** Asked once per request, with its first event and all of them. */
  answer: (arrival: Arrival, all: readonly Arrival[]) => Answer = () => 200;
  /** Requests that are here and not answered yet, and the most there ever were. */
  open = 0;
  mostOpen = 0;
  readonly #sockets = new Set<Socket>();
  #server = this.#newServer();
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/events`;
  }

  async up(): Promise<void> {
    if (this.#server.listening) return;
    this.#server = this.#newServer();
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Nobody listens any more and every connection breaks. */
  async down(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** What came in of these events, in the order of arrival. */
  of(messageIds: readonly string[]): Arrival[] {
    const wanted = new Set(messageIds);
    return this.arrivals.filter(({ messageId }) => wanted.has(messageId));
  }

  /** How often each event was answered with 200. */
  taken(): Map<string, number> {
    const times = new Map<string, number>();
    for (const { messageId, status } of this.arrivals)
      if (status === 200) times.set(messageId, (times.get(messageId) ?? 0) + 1);
    return times;
  }

  /** Waits until that many events have come in. */
  async arrived(count: number): Promise<void> {
    await vi.waitFor(
      () => {
        if (this.arrivals.length < count) throw new Error(`${this.arrivals.length} of ${count} have come in`);
      },
      { timeout: 15_000, interval: 5 },
    );
  }

  /** Waits for something that comes in at a time or later, on `performance.now()`: until then the traffic went on. */
  async arrivedFrom(at: number): Promise<void> {
    const timeout = at - performance.now() + 15_000;
    const lastAt = () => this.arrivals.at(-1)?.at ?? 0;
    await vi.waitFor(
      () => {
        if (lastAt() < at) throw new Error(`nothing has come in for ${performance.now() - lastAt()} ms`);
      },
      { timeout, interval: 5 },
    );
  }

  #newServer(): http.Server {
    const server = http.createServer((request, response) => void this.#take(request, response));
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    return server;
  }

  async #take(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await buffer(request).catch(() => null);
    if (body === null) return;
    this.mostOpen = Math.max(this.mostOpen, ++this.open);
    response.once('close', () => this.open--);
    this.bodies.push(body.toString());
    const arrivals = this.#note(request, JSON.parse(body.toString()));
    const answer = this.answer(arrivals[0]!, arrivals);
    if (answer === 'never') return;
    const {
      status,
      retryAfter,
      afterMs = 0,
      after,
    } = typeof answer === 'number' ? { status: answer } : answer;
    if (afterMs > 0) await delay(afterMs);
    await after;
    if (response.destroyed) return; // the sender has gone
    for (const arrival of arrivals) arrival.status = status;
    response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }).end();
  }

  #note(request: http.IncomingMessage, body: unknown): Arrival[] {
    const at = performance.now();
    const id = String(request.headers['webhook-id']);
    const attempt = Number(request.headers['x-reprise-attempt']);
    const events = (Array.isArray(body) ? body : [body]) as { messageId: string; userId: string }[];
    const arrivals = events.map(({ messageId, userId }) => ({
      id,
      messageId,
      userId,
      attempt,
      at,
      status: 0,
    }));
    this.arrivals.push(...arrivals);
    return arrivals;
  }
}

/** Starts a sink for this test. */
export async function startEngineSink(): Promise<EngineSink> {
  const sink = new EngineSink();
  await sink.up();
  onTestFinished(() => sink.down());
  return sink;
}
