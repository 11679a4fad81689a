import { STATUS_CODES } from 'node:http';
import { FetchHeaders } from './fetch-headers.ts';
import { original, type OriginalMessage } from './original-fetch.ts';

/** A body in memory; of a rare kind (a form, a stream, parameters) it is what node-fetch's class makes of it. */
type Content = string | Buffer | OriginalMessage | null;

interface RequestInit {
  readonly method?: string;
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly redirect?: string;
  readonly signal?: AbortSignal | null;
}

interface ResponseInit {
  readonly status?: number;
  readonly statusText?: string;
  readonly headers?: unknown;
  readonly url?: string;
}

/** A body is no JSON. */
class BodyError extends Error {
  override readonly name = 'FetchError';
  readonly type = 'invalid-json';
}

/**
 * What requests and responses share. The classes here are those of node-fetch to who uses them, for bodies that are in
 * memory: there texts stay texts, nothing is a stream, and a copy shares what it is made of.
 */
abstract class FetchMessage {
  /** Of node-fetch's messages; some definitions write a whole message into what they report. */
  readonly size = 0;
  readonly timeout = 0;
  readonly #headers: FetchHeaders;
  readonly #content: Content;
  #used = false;

  /** @param isNew the content is not a copy: it says what it is where the headers do not */
  constructor(content: Content, headers: FetchHeaders, isNew: boolean) {
    this.#content = content;
    this.#headers = headers;
    if (content === null || !isNew || headers.has('content-type')) return;
    const type = typeof content === 'string' ? textType : typeIn(content);
    if (type !== null) headers.append('Content-Type', type);
  }

  abstract get url(): string;

  get headers(): FetchHeaders {
    return this.#headers;
  }

  get body(): unknown {
    const content = this.#content;
    if (typeof content === 'string') return Buffer.from(content);
    return content === null || Buffer.isBuffer(content) ? content : content.body;
  }

  get bodyUsed(): boolean {
    return this.#used;
  }

  async text(): Promise<string> {
    const content = await this.bytes();
    return typeof content === 'string' ? content.toWellFormed() : content.toString();
  }

  async json(): Promise<unknown> {
    const text = await this.text();
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      const reason = (error as Error).message;
      throw new BodyError(`invalid json response body at ${this.url} reason: ${reason}`);
    }
  }

  async buffer(): Promise<Buffer> {
    const content = await this.bytes();
    return typeof content === 'string' ? Buffer.from(content) : content;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return new Uint8Array(await this.buffer()).buffer;
  }

  async blob(): Promise<Blob> {
    return new Blob([new Uint8Array(await this.buffer())], { type: this.headers.get('content-type') ?? '' });
  }

  /** The body, once; a text stands for its bytes in UTF-8. @throws TypeError the second time */
  async bytes(): Promise<string | Buffer> {
    if (this.#used) throw new TypeError(`body used already for: ${this.url}`);
    this.#used = true;
    const content = this.#content ?? '';
    return typeof content === 'string' || Buffer.isBuffer(content)
      ? content
      : Buffer.from(await content.arrayBuffer());
  }

  /** The body of a copy. @throws where it is used */
  protected copied(): Content {
    if (this.#used) throw new Error('cannot clone body after it is used');
    const content = this.#content;
    if (content === null || typeof content === 'string' || Buffer.isBuffer(content)) return content;
    return content.clone();
  }
}

const textType = 'text/plain;charset=UTF-8';

const typeIn = (content: Buffer | OriginalMessage) =>
  Buffer.isBuffer(content) ? null : content.headers.get('content-type');

function contentOf(body: unknown): Content {
  if (body === undefined || body === null) return null;
  if (typeof body === 'string' || Buffer.isBuffer(body)) return body;
  return body instanceof original.Response ? body : new original.Response(body);
}

/** URLs as node-fetch writes them. Most requests go where another went, and reading a URL takes as long as all the rest. */
const written = new Map<string, string>();
const [mostUrls, longestUrl] = [256, 1_024];

/** @throws TypeError where it is none */
function urlOf(input: unknown): string {
  const { href = input } = (input ?? {}) as { readonly href?: unknown };
  const text = String(href);
  const known = written.get(text);
  if (known !== undefined) return known;
  const { url } = new original.Request(text);
  if (text.length > longestUrl) return url;
  if (written.size >= mostUrls) written.delete(written.keys().next().value!);
  written.set(text, url);
  return url;
}

/** A request, as the framework's client and definitions make and read it. */
export class FetchRequest extends FetchMessage {
  // Members of node-fetch's requests, too.
  readonly follow = 20;
  readonly compress = true;
  readonly counter = 0;
  readonly #method: string;
  readonly #url: string;
  readonly #redirect: string;
  readonly #signal: AbortSignal | null;

  /** @param input a URL, or a request of which what `init` does not say is taken */
  constructor(input: unknown, init: RequestInit = {}) {
    const from = input instanceof FetchRequest ? input : null;
    const method = (init.method || from?.method || 'GET').toUpperCase();
    const given = contentOf(init.body);
    const content = given ?? from?.copied() ?? null;
    if (content !== null && (method === 'GET' || method === 'HEAD'))
      throw new TypeError('Request with GET/HEAD method cannot have body');
    super(content, new FetchHeaders(init.headers || from?.headers), given !== null);
    this.#method = method;
    this.#url = from === null ? urlOf(input) : from.url;
    this.#redirect = init.redirect || from?.redirect || 'follow';
    this.#signal = ('signal' in init ? init.signal : from?.signal) ?? null;
  }

  get method(): string {
    return this.#method;
  }

  get url(): string {
    return this.#url;
  }

  get redirect(): string {
    return this.#redirect;
  }

  get signal(): AbortSignal | null {
    return this.#signal;
  }

  clone(): FetchRequest {
    return new FetchRequest(this);
  }

  get [Symbol.toStringTag](): string {
    return 'Request';
  }
}

/** A response, as the framework's client and definitions read it; they add members of their own. */
export class FetchResponse extends FetchMessage {
  readonly #status: number;
  readonly #statusText: string | undefined;
  readonly #url: string;

  constructor(body?: unknown, init: ResponseInit = {}) {
    super(contentOf(body), new FetchHeaders(init.headers), true);
    this.#status = init.status || 200;
    this.#statusText = init.statusText || STATUS_CODES[this.#status];
    this.#url = init.url ?? '';
  }

  get status(): number {
    return this.#status;
  }

  get statusText(): string | undefined {
    return this.#statusText;
  }

  get url(): string {
    return this.#url;
  }

  get redirected(): boolean {
    return false; // redirects are not followed
  }

  get ok(): boolean {
    return this.#status >= 200 && this.#status < 300;
  }

  clone(): FetchResponse {
    const { url, status, statusText = '', headers } = this;
    return new FetchResponse(this.copied(), { url, status, statusText, headers });
  }

  get [Symbol.toStringTag](): string {
    return 'Response';
  }
}
