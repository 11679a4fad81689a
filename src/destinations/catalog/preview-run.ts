import type { HttpRequest } from '../http-exchange.ts';
import { bytesOf, headersOf } from './account-http.ts';
import type { ChildRun } from './job-run.ts';
import type { Account, Job, ToChild, WantedRequest, Work } from './protocol.ts';

/** A definition that goes on asking is told that nothing more comes. */
const mostRequests = 5;

/** A request as it would have left. */
export interface Captured {
  readonly url: string;
  readonly request: HttpRequest;
}

/**
 * A job whose requests are kept instead of sent. Each is answered by an empty object with 200, which is all that a
 * definition of one request wants to see.
 */
export class PreviewRun implements ChildRun {
  readonly deliveries = 1;
  readonly captured: Captured[] = [];
  /** `host:port` of connections that the definition wanted to open itself, each once. */
  readonly wanted = new Set<string>();
  /** What the mapping made, as JSON; null: nothing came of it. */
  payload: string | null = null;
  readonly #account: Account;
  readonly #work: Work;
  readonly #dials: boolean;

  /** @param dials the definition opens connections of its own */
  constructor(account: Account, work: Work, dials: boolean) {
    this.#account = account;
    this.#work = work;
    this.#dials = dials;
  }

  job(id: number): Job {
    const job = { id, account: this.#account, work: this.#work, tellsPayload: true } as const;
    return { ...job, ...(this.#dials && { dials: true }) };
  }

  /** Nothing is dialled: what would have been is kept. */
  dial(dial: number, host: string, port: number): Promise<ToChild> {
    if (this.wanted.size < mostRequests) this.wanted.add(`${host}:${port}`);
    const message = 'A preview opens no connections.';
    return Promise.resolve({ kind: 'undialled', dial, code: 'NOT_SENT', message });
  }

  mapped(payload: string): void {
    this.payload = payload;
  }

  request(request: number, wanted: WantedRequest): Promise<ToChild> {
    if (this.captured.length >= mostRequests) {
      const message = 'A preview answers no more requests.';
      return Promise.resolve({ kind: 'broken', request, code: 'NOT_SENT', message });
    }
    const { method, body, url } = wanted;
    const bytes = bytesOf(body);
    this.captured.push({
      url,
      request: { method, headers: headersOf(wanted), body: bytes, deliveries: 1 },
    });
    const headers = { 'content-type': 'application/json' };
    return Promise.resolve({ kind: 'answer', request, status: 200, headers, body: '{}' });
  }

  abort(): void {
    // what is kept would have left by then
  }

  end(): void {
    // nothing is open
  }
}
