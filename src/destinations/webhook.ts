import { randomUUID } from 'node:crypto';
import { outcomesOf } from '../core/outcome.ts';
import { completedArray, completedBody } from './completed-body.ts';
import type { Delivery, DestinationDefinition, Sender, SenderContext, TestResult } from './definition.ts';
import { batchId, deliveryId } from './delivery-id.ts';
import { checkUrl } from './egress-url.ts';
import type { HttpRequest } from './http-exchange.ts';
import { openHttpSender, type HttpSender } from './http-sender.ts';
import { testEvent, testOver } from './http-test.ts';
import { wholeEventPreview, type DeliveryPreview } from './preview.ts';
import { secretMask } from './secret-mask.ts';
import { userAgent } from './user-agent.ts';
import { webhookSecrets, WebhookSettings } from './webhook-settings.ts';
import { newWebhookSecret, webhookKeys, webhookSignature } from './webhook-signature.ts';

/** A destination of our own: signed HTTP requests by Standard Webhooks 1.0.0. */
export const webhook = {
  type: 'webhook',
  title: 'Webhook',
  description: 'Sends events as signed HTTP requests (Standard Webhooks) to a URL of yours.',
  settings: WebhookSettings,
  generated: { secret: newWebhookSecret },
  presetActions: [{ name: 'Send event', action: null, trigger: null, mapping: {} }],
  check: (settings, allow) => {
    const check = checkUrl(WebhookSettings.parse(settings).url, allow);
    return check.ok ? [] : [{ path: ['url'], problem: check.problem }];
  },
  open: (settings, context: SenderContext) => openWebhook(WebhookSettings.parse(settings), context),
  test: (settings, context) => testWebhook(WebhookSettings.parse(settings), context),
  preview: (settings, context, deliveries) =>
    Promise.resolve(previewWebhook(WebhookSettings.parse(settings), context, deliveries)),
} satisfies DestinationDefinition;

function openWebhook(settings: WebhookSettings, context: SenderContext): Sender {
  const http = openHttp(settings, context);
  const makeRequest = requestMaker(settings);
  return {
    batchSize: settings.batchSize,
    concurrency: settings.concurrency,
    send: async (deliveries, gate) => {
      if (deliveries.length > settings.batchSize) throw new Error('more deliveries than a batch takes');
      const request = makeRequest(contentOf(deliveries, settings.batchSize > 1));
      const answer = await http.post(request, gate);
      return outcomesOf(http.outcomeOf(answer, request), deliveries.length);
    },
    close: () => http.close(),
  };
}

function previewWebhook(
  settings: WebhookSettings,
  { egress }: SenderContext,
  deliveries: readonly Delivery[],
): DeliveryPreview[] {
  const makeRequest = requestMaker(settings);
  const showing = { egress, mask: secretMask(webhookSecrets(settings)) };
  return deliveries.map((delivery) => {
    const request = makeRequest(contentOf([delivery], settings.batchSize > 1));
    return wholeEventPreview(completedBody(delivery), { url: settings.url, request }, showing);
  });
}

function openHttp(settings: WebhookSettings, context: SenderContext): HttpSender {
  return openHttpSender({
    url: new URL(settings.url),
    deadlineMs: settings.timeoutMs,
    connections: settings.concurrency,
    egress: context.egress,
    secrets: webhookSecrets(settings),
  });
}

interface Content {
  readonly id: string;
  readonly attempt: number;
  readonly body: Uint8Array;
  readonly deliveries: number;
  readonly marker: string | null;
}

function contentOf(deliveries: readonly Delivery[], asArray: boolean): Content {
  const [first] = deliveries;
  if (first === undefined) throw new Error('a request needs a delivery');
  if (!asArray)
    return {
      id: deliveryId(first.name),
      attempt: first.attempt,
      body: completedBody(first),
      deliveries: 1,
      marker: first.marker,
    };
  return {
    id: batchId(deliveries.map(({ name }) => name)),
    attempt: Math.max(...deliveries.map(({ attempt }) => attempt)),
    body: completedArray(deliveries),
    deliveries: deliveries.length,
    marker: first.marker,
  };
}

/** Makes the signed requests of a webhook, and prepares what all of them share. The timestamp is that of the attempt, so a receiver may refuse old ones. */
export function requestMaker(settings: WebhookSettings): (content: Content) => HttpRequest {
  // Creation generates a secret, so none means that the settings were not made by it.
  if (settings.secret === undefined) throw new Error('a webhook needs a secret to sign with');
  const keys = webhookKeys(settings.secret);
  const shared = Object.entries(settings.headers).flat();
  shared.push('content-type', 'application/json', 'user-agent', userAgent);
  return ({ id, attempt, body, deliveries, marker }) => {
    const timestamp = Math.floor(Date.now() / 1000);
    const signature = webhookSignature(keys, id, timestamp, body);
    const own = ['webhook-id', id, 'webhook-timestamp', String(timestamp), 'webhook-signature', signature];
    if (marker !== null) own.push('x-reprise-replay', marker);
    return { headers: [...shared, ...own, 'x-reprise-attempt', String(attempt)], body, deliveries };
  };
}

/** Sends one test event that a receiver can tell by its name, and says in words how it went. */
function testWebhook(settings: WebhookSettings, context: SenderContext): Promise<TestResult> {
  const event = testEvent();
  const complete = { ...event, receivedAt: event.timestamp };
  const body = Buffer.from(JSON.stringify(settings.batchSize > 1 ? [complete] : complete));
  const request = requestMaker(settings)({ id: randomUUID(), attempt: 1, body, deliveries: 1, marker: null });
  return testOver(openHttp({ ...settings, concurrency: 1 }, context), request);
}
