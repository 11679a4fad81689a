import type { SendGate } from '../definition.ts';
import { checkUrl } from '../egress-url.ts';
import type { EgressAllow } from '../egress-address.ts';
import { HttpAttempt, type Answer } from '../http-attempt.ts';
import type { HttpRequest } from '../http-exchange.ts';
import { openHttpPool, type HttpPool } from '../http-pool.ts';
import { userAgent } from '../user-agent.ts';
import type { WantedRequest } from './protocol.ts';

/** One request of a definition and what became of it. */
export interface Exchange {
  readonly url: string;
  readonly request: HttpRequest;
  readonly answer: Answer;
}

/** Bytes of an answer that a definition gets; more than its own framework takes at a time without hanging. */
const answerBytes = 262_144;
/** For one exchange. The definitions' own client gives up before that, unless its definition asks for more. */
const deadlineMs = 60_000;
/** A definition speaks to a few hosts; one whose hosts come out of events has these at a time. */
const maxOrigins = 16;

/** What the catalog's framework says of itself; what leaves here says who sends it. */
const frameworkAgent = 'Segment (Actions)';
/** Headers that belong to the connection or are made anew of the body. */
const ownHeaders =
  /^(host|connection|keep-alive|content-length|transfer-encoding|te|trailer|upgrade|expect)$/;

/** The requests that definitions make for one account: guarded, bounded, over connections that are kept alive. */
export class AccountHttp {
  readonly #egress: EgressAllow;
  readonly #connections: number;
  readonly #pools = new Map<string, HttpPool>();

  constructor(options: { readonly egress: EgressAllow; readonly connections: number }) {
    this.#egress = options.egress;
    this.#connections = options.connections;
  }

  /**
   * Sends what a definition wants. Never rejects; what may not be dialled is broken before it is written.
   * @param givenUp the definition does not wait any more: the exchange ends as it would at its deadline
   */
  async send(
    wanted: WantedRequest,
    deliveries: number,
    gate: SendGate,
    givenUp: AbortSignal,
  ): Promise<Exchange> {
    const request = { method: wanted.method, headers: headersOf(wanted), body: wanted.body, deliveries };
    const check = checkUrl(wanted.url, this.#egress);
    const answer = check.ok
      ? await this.#dispatch(new URL(wanted.url), request, gate, givenUp)
      : refused(`${check.problem} (${shownOrigin(wanted.url)})`);
    return { url: wanted.url, request, answer };
  }

  /** Ends all connections and everything in flight. */
  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.close()));
  }

  #dispatch(
    url: URL,
    { method, headers, body }: HttpRequest,
    gate: SendGate,
    givenUp: AbortSignal,
  ): Promise<Answer> {
    return new Promise((resolve) => {
      const limits = { kept: answerBytes, read: answerBytes };
      const attempt = new HttpAttempt(gate, deadlineMs, resolve, limits);
      givenUp.addEventListener('abort', () => attempt.giveUp(), { once: true });
      const options = {
        path: url.pathname + url.search,
        method: method as 'POST',
        headers,
        body: bodyOf(body),
      };
      this.#pool(url.origin).dispatch(options, attempt);
    });
  }

  #pool(origin: string): HttpPool {
    const known = this.#pools.get(origin);
    this.#pools.delete(origin); // the one used last stands last
    const { egress } = { egress: this.#egress };
    const pool = known ?? openHttpPool(origin, { deadlineMs, connections: this.#connections, egress });
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
    if (ownHeaders.test(name.toLowerCase())) continue;
    const isAgent = name.toLowerCase() === 'user-agent' && value === frameworkAgent;
    kept.push(name, isAgent ? userAgent : value);
  }
  return kept;
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
