import type { Outcome } from '../core/outcome.ts';
import type { SendGate } from './definition.ts';
import { HttpAttempt, type Answer } from './http-attempt.ts';
import { withoutQuery, type HttpRequest } from './http-exchange.ts';
import { outcomeOf } from './http-outcome.ts';
import { openHttpPool, type HttpLimits } from './http-pool.ts';
import { secretMask } from './secret-mask.ts';

export interface HttpTarget extends HttpLimits {
  readonly url: URL;
  /** Values that no failure's text may show. */
  readonly secrets: readonly string[];
  /** What messages call it; absent: The destination. */
  readonly called?: string;
}

/** POSTs to one URL over connections that are kept alive. */
export interface HttpSender {
  /** Never rejects. */
  post(request: HttpRequest, gate: SendGate): Promise<Answer>;
  /** What the answer to a request means. */
  outcomeOf(answer: Answer, request: HttpRequest): Outcome;
  /** Ends all connections and everything in flight. */
  close(): Promise<void>;
}

/** Of so many successes the answer is shown, as samples. */
const shownSuccesses = 5;

/** Opens a pool of guarded connections; they are made on demand. */
export function openHttpSender(target: HttpTarget): HttpSender {
  const { url, deadlineMs } = target;
  const pool = openHttpPool(url.origin, target);
  const path = url.pathname + url.search;
  const shownUrl = withoutQuery(url.href);
  const mask = secretMask(target.secrets);
  let successesLeft = shownSuccesses;
  return {
    post: ({ headers, body }, gate) =>
      new Promise((resolve) => {
        const attempt = new HttpAttempt(gate, deadlineMs, resolve);
        pool.dispatch({ path, method: 'POST', headers, body }, attempt);
      }),
    outcomeOf: (answer, request) => {
      const showsSuccess = successesLeft > 0;
      const context = { url: shownUrl, request, mask, now: Date.now(), showsSuccess };
      const outcome = outcomeOf(answer, {
        ...context,
        ...(target.called !== undefined && { called: target.called }),
      });
      if (showsSuccess && outcome.kind === 'delivered') successesLeft--;
      return outcome;
    },
    close: () => pool.close(),
  };
}
