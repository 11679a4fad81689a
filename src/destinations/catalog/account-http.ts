import type { SendGate } from '../definition.ts';
import { checkUrl, type UrlCheck } from '../egress-url.ts';
import type { EgressAllow } from '../egress-address.ts';
import { HttpAttempt, type Answer } from '../http-attempt.ts';
import type { HttpRequest } from '../http-exchange.ts';
import { openHttpPool, type HttpPool } from '../http-pool.ts';
import { userAgent } from '../user-agent.ts';
import { answerBytes } from './plain-body.ts';
import type { WantedRequest } from './protocol.ts';

/** One request of a definition and what became of it. */
export interface Exchange {
  readonly url: string;
  readonly request: HttpRequest;
  readonly answer: Answer;
}

/** For one exchange. The definitions' own client gives up before that, unless its definition asks for more. */
const deadlineMs = 60_000;
/** A definition speaks to a few hosts; one whose hosts come out of events has these at a time. */
const maxOrigins = 16;

/** What the catalog's framework says of itself; what leaves here says who sends it. */
const frameworkAgent = 'Segment (Actions)';
/** Headers that belong to the connection or are made anew of the body. */
const ownHeaders =
  /^(host|connection|keep-alive|content-length|transfer-encoding|te|trailer|upgrade|expect)$/;

/** Whether a definition still waits for an answer. */
export class Patience {
  #over = false;
  #then: (() => void) | null = null;

  get over(): boolean {
    return this.#over;
  }

  /** What happens when it is over. */
  set then(then: () => void) {
    this.#then = then;
  }

  end(): void {
    this.#over = true;
    this.#then?.();
  }
}

/** Where a request goes, by the text of its URL. */
interface Target {
  readonly check: UrlCheck;
  readonly origin: string;
  readonly path: string;
}

/** Most requests of an account go where another went: so many targets are known, of URLs that are no longer than this. */
const [mostTargets, longestUrl] = [256, 1_024];

/** The requests that definitions make for one account: guarded, bounded, over connections that are kept alive. */
export class AccountHttp {
  readonly #egress: EgressAllow;
  readonly #connections: number;
  readonly #answerBytes: number;
  readonly #pools = new Map<string, HttpPool>();
  readonly #targets = new Map<string, Target>();

  /** @param options.answerBytes what a definition gets of an answer; that of deliveries when it is absent */
  constructor(options: {
    readonly egress: EgressAllow;
    readonly connections: number;
    readonly answerBytes?: number;
  }) {
    this.#answerBytes = options.answerBytes ?? answerBytes;
    this.#egress = options.egress;
    this.#connections = options.connections;
  }

  /**
   * Sends what a definition wants. Never rejects; what may not be dialled is broken before it is written.
   * @param patience once it is over, the exchange ends as it would at its deadline
   */
  async send(
    wanted: WantedRequest,
    deliveries: number,
    gate: SendGate,
    patience: Patience,
  ): Promise<Exchange> {
    const { method, url, body } = wanted;
    const request = { method, headers: headersOf(wanted), body: bytesOf(body), deliveries };
    const { check, ...target } = this.#target(url);
    const answer = check.ok
      ? await this.#dispatch(target, request, gate, patience)
      : refused(`${check.problem} (${shownOrigin(url)})`);
    return { url, request, answer };
  }

  /** Ends all connections and everything in flight. */
  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.close()));
  }

  #target(text: string): Target {
    const known = this.#targets.get(text);
    if (known !== undefined) return known;
    const check = checkUrl(text, this.#egress);
    const { origin, pathname, search } = check.ok ? new URL(text) : { origin: '', pathname: '', search: '' };
    const target = { check, origin, path: pathname + search };
    if (text.length > longestUrl) return target;
    if (this.#targets.size >= mostTargets) this.#targets.delete(this.#targets.keys().next().value!);
    this.#targets.set(text, target);
    return target;
  }

  #dispatch(
    { origin, path }: Omit<Target, 'check'>,
    { method, headers, body }: HttpRequest,
    gate: SendGate,
    patience: Patience,
  ): Promise<Answer> {
    return new Promise((resolve) => {
      const limits = { kept: this.#answerBytes, read: this.#answerBytes };
      const attempt = new HttpAttempt(gate, deadlineMs, resolve, limits);
      patience.then = () => attempt.giveUp();
      const options = {
        path,
        method: method as 'POST',
        headers,
        body: bodyOf(body),
      };
      this.#pool(origin).dispatch(options, attempt);
    });
  }

  #pool(origin: string): HttpPool {
    const known = this.#pools.get(origin);
    this.#pools.delete(origin); // the one used last stands last
    const [connections, egress] = [this.#connections, this.#egress];
    const pool = known ?? openHttpPool(origin, { deadlineMs, connections, egress });
    this.#pools.set(origin, pool);
    if (this.#pools.size > maxOrigins) this.#forgetOldest();
    return pool;
  }

  #forgetOldest(): void {
    const [origin, pool] = this.#pools.entries().next().value!;
    this.#pools.delete(origin);
    void pool.close();
  }
}

/** A definition's headers as they leave: name, value, name, value, ... */
export function headersOf({ headers }: Pick<WantedRequest, 'headers'>): string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const [name, value] = [headers[at]!, headers[at + 1]!];
    const lower = name.toLowerCase();
    if (ownHeaders.test(lower)) continue;
    kept.push(name, lower === 'user-agent' && value === frameworkAgent ? userAgent : value);
  }
  return kept;
}

/** A body as it leaves. */
export function bytesOf(body: WantedRequest['body']): Uint8Array {
  return typeof body === 'string' ? Buffer.from(body) : body;
}

/** A request without a body carries none, not an empty one. */
function bodyOf(body: Uint8Array): Uint8Array | null {
  return body.length === 0 ? null : body;
}

function refused(problem: string): Answer {
  const error = Object.assign(new Error(problem), { code: 'EGRESS_REFUSED' });
  return { kind: 'broken', error, written: false, head: null, tookMs: 0 };
}

function shownOrigin(url: string): string {
  return URL.parse(url)?.origin ?? 'no URL';
}
