import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { webhookKeys, webhookSignature } from '../../destinations/webhook-signature.ts';
import type { Journal } from './journal.ts';
import { receiptsOf } from './receipt.ts';
import { failingShare, rateLimit, slowMs, type Switches } from './switches.ts';

/** A delivery as it came in. */
export interface Delivered {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What to answer; null: nothing, the connection is closed. */
export type Answer = {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body: Record<string, unknown>;
} | null;

export interface Receiver {
  readonly receive: (delivered: Delivered) => Promise<Answer>;
}

/**
 * Takes deliveries, or refuses them as the switches say. Nothing that is refused counts as received.
 * @param clock milliseconds since 1970
 */
export function createReceiver(
  journal: Journal,
  switches: () => Switches,
  clock: () => number,
  random: () => number,
): Receiver {
  const isOverLimit = requestLimiter(clock);
  const receive = async ({ headers, body }: Delivered): Promise<Answer> => {
    const on = switches();
    if (on.down) {
      journal.refuse('down');
      return null;
    }
    if (on.slow) await sleep(slowMs);
    if (on.rateLimited && isOverLimit()) {
      journal.refuse('rateLimited');
      return { status: 429, headers: { 'retry-after': '1' }, body: { error: 'slow down' } };
    }
    if (on.failing && random() < failingShare) {
      journal.refuse('failed');
      return { status: 500, body: { error: 'something broke here' } };
    }
    if (on.secret !== null && !isSigned(on.secret, headers, body)) {
      journal.refuse('badSignature');
      return { status: 401, body: { error: 'the signature does not match the secret' } };
    }
    const receipts = receiptsOf(body, header(headers, 'webhook-id'), clock());
    if (receipts === null) {
      journal.refuse('unreadable');
      return { status: 400, body: { error: 'expected an event, or an array of events, in JSON' } };
    }
    journal.take(receipts);
    return { status: 200, body: { received: receipts.length } };
  };
  return { receive };
}

/** Counts requests in whole seconds. */
function requestLimiter(clock: () => number): () => boolean {
  let second = 0;
  let taken = 0;
  return () => {
    const now = Math.floor(clock() / 1000);
    if (now !== second) [second, taken] = [now, 0];
    taken += 1;
    return taken > rateLimit;
  };
}

/** Standard Webhooks 1.0.0: one of the signatures is that of `id.timestamp.body` with the secret. */
function isSigned(secret: string, headers: IncomingHttpHeaders, body: Buffer): boolean {
  const timestamp = Number(header(headers, 'webhook-timestamp'));
  const wanted = webhookSignature(
    webhookKeys(secret),
    header(headers, 'webhook-id') ?? '',
    timestamp,
    body,
  ).split(' ');
  const given = (header(headers, 'webhook-signature') ?? '').split(' ');
  return given.some((one) => wanted.some((other) => isSame(one, other)));
}

function isSame(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
