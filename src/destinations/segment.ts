import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { outcomesOf, type Outcome } from '../core/outcome.ts';
import { completedBody } from './completed-body.ts';
import type { Delivery, DestinationDefinition, Sender, SenderContext, TestResult } from './definition.ts';
import { checkUrl } from './egress-url.ts';
import type { HttpRequest } from './http-exchange.ts';
import { openHttpSender, type HttpSender } from './http-sender.ts';
import { testEvent, testOver } from './http-test.ts';
import { wholeEventPreview, type DeliveryPreview } from './preview.ts';
import { secretMask } from './secret-mask.ts';
import { outcomesOfNamed } from './segment-answer.ts';
import { segmentBatch } from './segment-batch.ts';
import { eventLimit, withoutLargeItems } from './segment-limit.ts';
import { authorizationOf, batchUrl, segmentSecrets, SegmentSettings } from './segment-settings.ts';
import { userAgent } from './user-agent.ts';

const compressed = promisify(gzip);

/** Whoever speaks Segment's tracking API: Segment, Customer.io, RudderStack, another Reprise. */
export const segment = {
  type: 'segment',
  title: 'Segment-compatible API',
  description:
    'Sends events in batches to a tracking API that speaks Segment’s: Segment, Customer.io, RudderStack or another Reprise. Events keep their own times and messageIds, so old ones arrive as old, and what is there already is not stored twice.',
  settings: SegmentSettings,
  generated: {},
  presetActions: [{ name: 'Send event', action: null, trigger: null, mapping: {} }],
  check: (settings, allow) => {
    const check = checkUrl(SegmentSettings.parse(settings).endpoint, allow);
    return check.ok ? [] : [{ path: ['endpoint'], problem: check.problem }];
  },
  open: (settings, context: SenderContext) => openSegment(SegmentSettings.parse(settings), context),
  test: (settings, context) => testSegment(SegmentSettings.parse(settings), context),
  preview: (settings, context, deliveries) =>
    previewSegment(SegmentSettings.parse(settings), context, deliveries),
} satisfies DestinationDefinition;

function openSegment(settings: SegmentSettings, context: SenderContext): Sender {
  const http = openHttp(settings, context);
  const limit = eventLimit(settings.endpoint);
  return {
    batchSize: settings.batchSize,
    concurrency: settings.concurrency,
    send: (all, gate) =>
      withoutLargeItems(all, limit, async (deliveries) => {
        const { body, count } = segmentBatch(deliveries);
        const request = await requestOf(settings, body, count);
        const answer = await http.post(request, gate);
        const outcome = http.outcomeOf(answer, request);
        const named = answer.kind === 'answered' ? outcomesOfNamed(outcome, answer, count) : null;
        const rest = Array.from({ length: deliveries.length - count }, (): Outcome => ({ kind: 'notSent' }));
        return [...(named ?? outcomesOf(outcome, count)), ...rest]; // the rest leaves with the next batch
      }),
    close: () => http.close(),
  };
}

function previewSegment(
  settings: SegmentSettings,
  { egress }: SenderContext,
  deliveries: readonly Delivery[],
): Promise<DeliveryPreview[]> {
  const showing = { egress, mask: secretMask(segmentSecrets(settings)) };
  const url = batchUrl(settings).href;
  const previews = deliveries.map(async (delivery) => {
    const { body, count } = segmentBatch([delivery]);
    const request = await requestOf(settings, body, count);
    return wholeEventPreview(completedBody(delivery), { url, request }, showing);
  });
  return Promise.all(previews);
}

function openHttp(settings: SegmentSettings, context: SenderContext): HttpSender {
  return openHttpSender({
    url: batchUrl(settings),
    deadlineMs: settings.timeoutMs,
    connections: settings.concurrency,
    egress: context.egress,
    secrets: segmentSecrets(settings),
  });
}

/**
 * Strict mode is asked for: else a receiver answers 200 to what it does not take, and it would count as delivered. Those
 * that do not know the header ignore it. Source: docs.customer.io, integrations/api/cdp.
 */
async function requestOf(
  settings: SegmentSettings,
  plain: Uint8Array,
  deliveries: number,
): Promise<HttpRequest> {
  const headers = ['content-type', 'application/json', 'user-agent', userAgent, 'x-strict-mode', '1'];
  headers.push('authorization', authorizationOf(settings));
  if (!settings.gzip) return { headers, body: plain, deliveries };
  headers.push('content-encoding', 'gzip');
  return { headers, body: await compressed(plain, { level: 6 }), plain, deliveries };
}

/** Sends one test event that a receiver can tell by its name, and says in words how it went. */
async function testSegment(settings: SegmentSettings, context: SenderContext): Promise<TestResult> {
  const body = Buffer.from(JSON.stringify({ batch: [testEvent()] }));
  return await testOver(
    openHttp({ ...settings, concurrency: 1 }, context),
    await requestOf(settings, body, 1),
  );
}
