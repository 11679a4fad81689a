import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ApiAddress } from './address.ts';
import { exits, Failure } from './failure.ts';
import { isOfReprise, leadsElsewhere, notReprise } from './not-reprise.ts';
import { refusal } from './refusal.ts';
import type { Page } from './shapes.ts';
import { BrokenOff, unreachable } from './unreachable.ts';

/** How long one call may take, in milliseconds, unless it says otherwise. */
const callMs = 30_000;
/** A call that broke off, and may be made again, is. */
const tries = 3;
const pauseMs = 300;
/** The most that the API puts on one page. */
const pageRows = 200;

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly query?: Query;
  readonly body?: unknown;
  /** It makes something: with a key it may be sent again when its answer was lost. */
  readonly creates?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** null: its answer may take as long as it takes, as a stream does. */
  readonly deadlineMs?: number | null;
  /** A status that is an answer here and no refusal. */
  readonly accepts?: number;
  /** Ends this call alone. */
  readonly signal?: AbortSignal;
  /** A body that is sent as it is read. */
  readonly upload?: ReadableStream<Uint8Array>;
}

/** The admin API, by HTTP. Every failure is a Failure that says what to do. */
export class ApiClient {
  readonly #address: ApiAddress;
  readonly #over: AbortSignal;
  #wasThere = false;

  /** @param over ends every call; its reason is what they then throw */
  constructor(address: ApiAddress, over: AbortSignal) {
    this.#address = address;
    this.#over = over;
  }

  get address(): ApiAddress {
    return this.#address;
  }

  /** Whether Reprise has done anything that it was asked here: one that never did is not waited for. */
  get wasThere(): boolean {
    return this.#wasThere;
  }

  /** The answer's JSON. */
  async json<T>(path: string, call: Call = {}): Promise<T> {
    const text = await this.text(path, call);
    if (text === '') return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch {
      throw notReprise(200, path, this.#address);
    }
  }

  /** The answer as it came: numbers in it may be larger than a parse keeps. */
  async text(path: string, call: Call = {}): Promise<string> {
    const response = await this.open(path, call);
    return await this.#guarded(() => response.text());
  }

  /** All rows of a list, page after page, but no more than `limit`. */
  async *list<T>(path: string, query: Query, limit: number): AsyncGenerator<T> {
    let left = limit;
    for (let cursor: string | undefined; left > 0;) {
      const page: Page<T> = await this.json(path, {
        query: { ...query, cursor, limit: Math.min(left, pageRows) },
      });
      yield* page.data;
      left -= page.data.length;
      if (page.nextCursor === null) return;
      cursor = page.nextCursor;
    }
  }

  /** The answer, once its head is there. @throws Failure when it is a refusal, or there is none */
  async open(path: string, call: Call = {}): Promise<Response> {
    // An address with such a name in it is that of what lies above.
    if (/\/\.{1,2}(\/|$)/.test(path)) throw new Failure(exits.notFound, 'Nothing is called "." or "..".');
    const headers =
      call.creates === true ? { 'idempotency-key': randomUUID(), ...call.headers } : call.headers;
    const again = call.upload === undefined && (call.creates === true || (call.method ?? 'GET') === 'GET');
    const response = await this.#sent(path, { ...call, headers: headers ?? {} }, again ? tries : 1);
    const { status } = response;
    if (status >= 300 && status < 400) throw leadsElsewhere(response, path, this.#address);
    if (!isOfReprise(response, path)) {
      await response.body?.cancel();
      throw notReprise(status, path, this.#address);
    }
    if (response.ok || status === call.accepts) {
      this.#wasThere = true;
      return response;
    }
    const body = await this.#guarded(() => response.text());
    throw refusal({ status, path, body }, this.#address);
  }

  async #sent(path: string, call: Call, left: number): Promise<Response> {
    try {
      return await this.#guarded(() => this.#fetch(path, call));
    } catch (error) {
      if (left <= 1 || !(error instanceof BrokenOff)) throw error;
      await pause(pauseMs);
      return await this.#sent(path, call, left - 1);
    }
  }

  async #fetch(
    path: string,
    { method, query = {}, body, upload, headers = {}, deadlineMs = callMs, signal }: Call,
  ): Promise<Response> {
    const url = new URL(this.#address.url + path);
    for (const [name, value] of Object.entries(query)) {
      for (const each of Array.isArray(value) ? (value as string[]) : [value])
        if (each !== undefined) url.searchParams.append(name, String(each));
    }
    const { token } = this.#address;
    const sent = upload ?? (body === undefined ? undefined : JSON.stringify(body));
    const ends = [
      this.#over,
      ...(signal === undefined ? [] : [signal]),
      ...(deadlineMs === null ? [] : [AbortSignal.timeout(deadlineMs)]),
    ];
    return await fetch(url, {
      method: method ?? 'GET',
      headers: {
        'user-agent': 'reprise-cli',
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(sent !== undefined && { body: sent }),
      ...(upload !== undefined && { duplex: 'half' as const }),
      redirect: 'manual',
      signal: AbortSignal.any(ends),
    });
  }

  /** What breaks a call off, as a Failure. */
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (this.#over.aborted) throw this.#over.reason as Error;
      throw unreachable(error, this.#address);
    }
  }
}
