import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import {
  AccountSender,
  type SendingAccount,
  type SendingAction,
} from '../../src/destinations/catalog/account-sender.ts';
import type { Account } from '../../src/destinations/catalog/protocol.ts';
import type { EgressAllow } from '../../src/destinations/egress-address.ts';
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
  options: Partial<SendingAccount> = {},
): OpenCatalogSender {
  const actionId = randomUUID();
  const sender = new AccountSender({
    id: randomUUID(),
    account,
    actions: [
      { actionId, batchSize: 1, confirms: true, batchBytes: null, batchKeys: [], overlays: [], ...action },
    ],
    takes: null,
    itemErrors: null,
    egress: loopback,
    secrets: [],
    ...options,
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

/** A definition that reaches for other processes, in the way that its mapping names. */
export function openReacher(mapping: Record<string, unknown>): OpenCatalogSender {
  const folder = fileURLToPath(new URL('definitions/reacher/index.ts', import.meta.url));
  return openCatalogSender({ folder, settings: {} }, { type: 'reach', mapping });
}

/** A definition that opens connections of its own, which its mapping names. @param egress null: it may open none */
export function openDialler(
  mapping: Record<string, unknown>,
  egress: EgressAllow | null = loopback,
): OpenCatalogSender {
  const folder = fileURLToPath(new URL('definitions/dialler/index.ts', import.meta.url));
  return openCatalogSender(
    { folder, settings: {} },
    { type: 'dial', mapping },
    egress === null ? {} : { dials: { egress, ports: [] } },
  );
}
