import { onTestFinished } from 'vitest';
import type { Outcome } from '../../src/core/outcome.ts';
import type { Sender, SendGate } from '../../src/destinations/definition.ts';
import { parseEgressAllow } from '../../src/destinations/egress-address.ts';
import { newWebhookSecret } from '../../src/destinations/webhook-signature.ts';
import { webhook } from '../../src/destinations/webhook.ts';
import { deliveryOf, openGate } from './deliveries.ts';

export const loopback = parseEgressAllow(['127.0.0.1']);

/** A webhook's sender to a URL on loopback; it is closed with the test. */
export function openSender(url: string, settings: Record<string, unknown> = {}): Sender {
  const sender = webhook.open({ url, secret: newWebhookSecret(), ...settings }, { egress: loopback });
  onTestFinished(() => sender.close());
  return sender;
}

/** Sends one event and says how it ended. */
export async function sendOne(
  sender: Sender,
  raw = '{"type":"track"}',
  gate: SendGate = openGate,
): Promise<Outcome> {
  const [outcome] = await sender.send([deliveryOf(raw)], gate);
  if (outcome === undefined) throw new Error('no outcome');
  return outcome;
}
