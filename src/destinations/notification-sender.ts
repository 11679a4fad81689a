import { randomUUID } from 'node:crypto';
import type { Outcome } from '../core/outcome.ts';
import type { SendGate, TestResult } from './definition.ts';
import type { EgressAllow } from './egress-address.ts';
import { withoutQuery } from './http-exchange.ts';
import { openHttpSender } from './http-sender.ts';
import { secretMask } from './secret-mask.ts';
import { requestMaker } from './webhook.ts';
import { webhookSecrets, WebhookSettings } from './webhook-settings.ts';

/** Where a notification goes, and what it is signed with. */
export interface NotificationSettings {
  readonly url: string;
  readonly secret: string;
}

/** What one request tells. */
export interface NotificationMessage {
  /** The same in every attempt, so that a receiver can drop what it has. */
  readonly id: string;
  /** Counts from 1. */
  readonly attempt: number;
  readonly body: string;
}

/** Sends operator events to one receiver, signed and guarded as a webhook's events are, one at a time. */
export interface NotificationSender {
  /** Never rejects, whatever the receiver does. */
  send(message: NotificationMessage, gate: SendGate): Promise<Outcome>;
  close(): Promise<void>;
}

/** @param deadlineMs for one whole request */
export function openNotificationSender(
  settings: NotificationSettings,
  egress: EgressAllow,
  deadlineMs: number,
): NotificationSender {
  const webhook = webhookOf(settings);
  const makeRequest = requestMaker(webhook);
  const http = openHttpSender({
    url: new URL(settings.url),
    deadlineMs,
    connections: 1,
    egress,
    secrets: webhookSecrets(webhook),
    called: 'The receiver',
  });
  return {
    send: async ({ id, attempt, body }, gate) => {
      const request = makeRequest({ id, attempt, body: Buffer.from(body), deliveries: 1, marker: null });
      return http.outcomeOf(await http.post(request, gate), request);
    },
    close: () => http.close(),
  };
}

/** Sends a message of an id of its own, and says in words how it went. */
export async function testNotification(
  settings: NotificationSettings,
  egress: EgressAllow,
  deadlineMs: number,
  body: string,
): Promise<TestResult> {
  const sender = openNotificationSender(settings, egress, deadlineMs);
  const startedAt = performance.now();
  const outcome = await sender.send({ id: randomUUID(), attempt: 1, body }, { mayWrite: () => true });
  const latencyMs = Math.round(performance.now() - startedAt);
  await sender.close();
  if (outcome.kind === 'delivered')
    return { ok: true, message: 'The receiver took the test event.', latencyMs };
  const failure = 'failure' in outcome ? outcome.failure : undefined;
  return {
    ok: false,
    message: failure?.message ?? 'The test event was not sent.',
    ...(failure?.status === undefined ? {} : { status: failure.status }),
    latencyMs,
  };
}

/** A receiver's address as it may be shown: without its query, and without what in its path looks like a secret. */
export function shownAddress(settings: NotificationSettings): string {
  return secretMask(webhookSecrets(webhookOf(settings))).text(withoutQuery(settings.url), false);
}

const webhookOf = ({ url, secret }: NotificationSettings) => WebhookSettings.parse({ url, secret });
