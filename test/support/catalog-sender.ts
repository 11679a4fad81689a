import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { AccountSender, type SendingAction } from '../../src/destinations/catalog/account-sender.ts';
import type { Account } from '../../src/destinations/catalog/protocol.ts';
import type { Delivery } from '../../src/destinations/definition.ts';
import { deliveryOf } from './deliveries.ts';
import { loopback } from './webhook-sender.ts';

export interface OpenCatalogSender {
  readonly sender: AccountSender;
  /** A delivery of an event through its action. */
  readonly delivery: (raw?: string) => Delivery;
}

/** A sender of one action of a definition of the catalog; it is closed with the test. */
function openCatalogSender(
  account: Account,
  action: Pick<SendingAction, 'type' | 'mapping'> & Partial<SendingAction>,
  secrets: readonly string[] = [],
): OpenCatalogSender {
  const actionId = randomUUID();
  const sender = new AccountSender({
    id: randomUUID(),
    account,
    actions: [{ actionId, batchSize: 1, batchBytes: null, batchKeys: [], overlays: [], ...action }],
    takes: null,
    confirms: true,
    itemErrors: null,
    egress: loopback,
    secrets,
  });
  onTestFinished(() => sender.close());
  return { sender, delivery: (raw = '{"type":"track","event":"E"}') => deliveryOf(raw, { actionId }) };
}

/** The catalog's own webhook, whose mapping names the URL. */
export function openCatalogWebhook(
  url: string,
  mapping: Record<string, unknown> = {},
  batchSize = 1,
): OpenCatalogSender {
  const whole = { url, method: 'POST', data: { '@path': '$.' }, ...mapping };
  const batching = batchSize === 1 ? {} : { enable_batching: true };
  return openCatalogSender(
    { folder: 'webhook', settings: {} },
    { type: 'send', mapping: { ...whole, ...batching }, batchSize, batchKeys: ['url', 'method', 'headers'] },
  );
}
