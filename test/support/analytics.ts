import { openSync } from 'node:fs';
import { Analytics } from '@segment/analytics-node';
import { appendLine, readLedger, type SourceLine } from './ledger.ts';

/** A client that sends events through the real SDK and keeps a ledger of what was acknowledged. */
export interface Client {
  /**
   * Sends this many events, one batch after another, so that the order of acknowledgement is that of the archive.
   * Resolves once each of them was answered.
   */
  send(count: number, options?: SendOptions): Promise<void>;
  /** Everything that was answered with 200, in order. */
  acknowledged(): SourceLine[];
  close(): Promise<void>;
}

export interface SendOptions {
  readonly batch?: number;
  /** Among how many users the events go round. */
  readonly users?: number;
  /** Every which event of all is a track call named `Poison`. */
  readonly poisonEvery?: number;
}

/** What the SDK wants of an HTTP client. */
interface SdkRequest {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Opens a client of a source. @param ledgerFile where it notes what was acknowledged */
export function openClient(apiUrl: string, writeKey: string, ledgerFile: string): Client {
  const ledger = openSync(ledgerFile, 'a');
  const httpClient = async (url: string, { method, headers, body }: SdkRequest) => {
    const answer = await fetch(url, { method, headers, body });
    if (answer.status === 200) for (const line of linesOf(body)) appendLine(ledger, line);
    return answer;
  };
  const settings = { writeKey, host: apiUrl, flushInterval: 60_000, flushAt: 1_000_000 };
  const analytics = new Analytics({ ...settings, httpClient });
  let sent = 0;
  return {
    send: async (count, { batch = 100, users = 200, poisonEvery = 0 } = {}) => {
      for (let left = count; left > 0; left -= batch) {
        for (let i = 0; i < Math.min(batch, left); i++) call(analytics, ++sent, users, poisonEvery);
        await analytics.flush({ timeout: 60_000 });
      }
    },
    acknowledged: () => readLedger<SourceLine>(ledgerFile),
    close: () => analytics.closeAndFlush({ timeout: 60_000 }),
  };
}

function linesOf(body: string): SourceLine[] {
  const { batch } = JSON.parse(body) as { batch: Record<string, unknown>[] };
  return batch.map((event) => ({
    messageId: String(event['messageId']),
    user: String(event['userId'] ?? event['anonymousId']),
    event,
  }));
}

/** The calls of a shop: mostly track, some of each other kind, some visitors without a name. */
function call(analytics: Analytics, index: number, users: number, poisonEvery: number): void {
  const place = index % users;
  const who = place % 10 === 9 ? { anonymousId: `visitor-${place}` } : { userId: `user-${place}` };
  const kind = Math.floor(index / users) % 10;
  if (poisonEvery > 0 && index % poisonEvery === 0) analytics.track({ ...who, event: 'Poison' });
  else if (kind === 0) analytics.identify({ ...who, traits: { name: `Zoë ${index}`, plan: 'premium' } });
  else if (kind === 1)
    analytics.page({ ...who, name: 'Home', properties: { path: `/p/${index}`, dark: true } });
  else if (kind === 2) analytics.group({ ...who, groupId: `company-${place % 7}`, traits: { seats: index } });
  else analytics.track({ ...who, event: `Order ${kind}`, properties: order(index) });
}

function order(index: number) {
  return {
    index,
    total: index / 100,
    currency: 'EUR',
    note: 'quote " backslash \\ snow \u2603 line \u2028 end',
    products: [
      { sku: `sku-${index % 50}`, quantity: (index % 3) + 1 },
      { sku: null, gift: index % 2 === 0 },
    ],
  };
}
