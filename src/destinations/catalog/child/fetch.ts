import { AsyncLocalStorage } from 'node:async_hooks';
import { plainBody } from '../plain-body.ts';
import type { FromChild, ToChild, WantedRequest } from '../protocol.ts';
import { FetchHeaders } from './fetch-headers.ts';
import { FetchRequest, FetchResponse } from './fetch-messages.ts';
import { originalPath } from './original-fetch.ts';
import { require } from './seal.ts';

/** A request that got no answer. Its `request` is known to the parent. */
class BrokenRequestError extends Error {
  override readonly name = 'FetchError';
  readonly code: string;
  readonly request: number;

  constructor(message: string, code: string, request: number) {
    super(message);
    this.code = code;
    this.request = request;
  }
}

const answered = Symbol('the request that a response answers');
/** Statuses whose responses may have no body; the class throws otherwise. */
const bodiless = new Set([101, 103, 204, 205, 304]);

/** A job that runs. */
interface CurrentJob {
  readonly id: number;
  /** The folder of its definition. */
  readonly definition: string;
  /** Bytes that it gets of an answer. */
  readonly answerBytes: number;
  /** Where the last request went of what is followed; null: it made none. */
  url: string | null;
}

/** A request is held in memory as a whole, here and in the parent: more than any service takes. */
const mostRequestBytes = 32 * 1024 * 1024;

type Settled = Extract<ToChild, { kind: 'answer' | 'broken' }>;

/**
 * Requests of all jobs of this child. The catalog's client ends in `cross-fetch`, so replacing what that exports reaches
 * every definition in one place; bodies come whole and bounded, redirects are not followed, nothing is cloned from a
 * stream (each of which kills or hangs the default client).
 */
export class ParentFetch {
  readonly #tell: (message: FromChild) => void;
  readonly #open = new Map<number, (settled: Settled) => void>();
  readonly #job = new AsyncLocalStorage<CurrentJob>();
  #last = 0;

  constructor(tell: (message: FromChild) => void) {
    this.#tell = tell;
  }

  /** Takes the place of `cross-fetch`. Call it before the catalog is loaded. */
  install(): void {
    const fetch = async (input: unknown, init?: object) =>
      await this.#fetch(
        input instanceof FetchRequest && init === undefined ? input : new FetchRequest(input, init),
      );
    // The module is the function itself, so it is replaced as a whole.
    require.cache[originalPath]!.exports = Object.assign(fetch, {
      Headers: FetchHeaders,
      Request: FetchRequest,
      Response: FetchResponse,
      fetch,
      default: fetch,
    });
    lightenSignals();
  }

  /** Runs a job, so that requests that are made in it are known as its own. */
  async run<T>(job: Omit<CurrentJob, 'url'>, work: () => Promise<T>): Promise<T> {
    return await this.#job.run({ ...job, url: null }, work);
  }

  /** The job that the calling code belongs to. */
  get job(): number | undefined {
    return this.#job.getStore()?.id;
  }

  /** The definition whose code is running, also where its job is over. */
  get definition(): string | undefined {
    return this.#job.getStore()?.definition;
  }

  /** Follows the job that the calling code belongs to. @returns where its last request went since; null: it made none */
  follow(): () => string | null {
    const job = this.#job.getStore();
    if (job !== undefined) job.url = null;
    return () => job?.url ?? null;
  }

  /** The parent says how a request ended. */
  settle(settled: Settled): void {
    this.#open.get(settled.request)?.(settled);
    this.#open.delete(settled.request);
  }

  async #fetch(request: FetchRequest): Promise<FetchResponse> {
    const job = this.#job.getStore();
    const id = ++this.#last;
    if (job === undefined) throw new BrokenRequestError('No delivery is under way.', 'NO_JOB', id);
    job.url = request.url;
    const wanted = await wantedRequest(request);
    if (wanted.body.length > mostRequestBytes) throw tooLarge(wanted.body.length, id);
    const settled = await this.#ask(job.id, id, wanted, request.signal);
    if (settled.kind === 'broken') throw new BrokenRequestError(settled.message, settled.code, id);
    const { status, headers } = settled;
    const body = bodiless.has(status) ? null : bytesOf(settled, job.answerBytes);
    return Object.assign(new FetchResponse(body, { status, headers, url: request.url }), { [answered]: id });
  }

  #ask(job: number, id: number, wanted: WantedRequest, signal: AbortSignal | null): Promise<Settled> {
    return new Promise((resolve, reject) => {
      const give = () => {
        this.#open.delete(id);
        this.#tell({ kind: 'aborted', request: id });
        reject(Object.assign(new Error('The request was aborted.'), { name: 'AbortError', request: id }));
      };
      if (signal?.aborted === true) return give();
      signal?.addEventListener('abort', give, { once: true });
      this.#open.set(id, (settled) => {
        signal?.removeEventListener('abort', give);
        resolve(settled);
      });
      this.#tell({ kind: 'request', job, request: id, wanted });
    });
  }
}

function tooLarge(bytes: number, request: number): Error {
  const message = `The request has ${bytes} bytes; at most ${mostRequestBytes} are sent.`;
  return Object.assign(new BrokenRequestError(message, 'REQUEST_TOO_LARGE', request), { status: 413 });
}

/** A body that is longer when it is unpacked is given as it came, as no definition can read a part. */
function bytesOf({ body, headers }: Extract<Settled, { kind: 'answer' }>, most: number): Buffer {
  const bytes = Buffer.from(body, 'latin1');
  return plainBody(bytes, headers['content-encoding'], most) ?? bytes;
}

/** The request whose answer a response of the catalog is. */
export function requestOf(response: unknown): number | undefined {
  return (response as { [answered]?: number } | undefined)?.[answered];
}

async function wantedRequest(request: FetchRequest): Promise<WantedRequest> {
  const { method, url } = request;
  return { method, url, headers: [...request.headers].flat(), body: await request.bytes() };
}

/**
 * The framework joins the signals of each request, and most requests have one. Node makes a signal of its own of that one,
 * which costs as much as the request; it is taken as it is.
 */
function lightenSignals(): void {
  const any = AbortSignal.any.bind(AbortSignal);
  AbortSignal.any = (signals) => {
    const all = [...signals];
    return all.length === 1 && all[0] instanceof AbortSignal ? all[0] : any(all);
  };
}
