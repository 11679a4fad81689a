import { randomUUID } from 'node:crypto';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import type { Outcome } from '../../src/core/outcome.ts';
import { packageDestination } from '../../src/destinations/catalog/definition.ts';
import type { Sender } from '../../src/destinations/definition.ts';
import { usable } from '../support/catalog-engine.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { openInternet } from '../support/internet.ts';
import { openSegment } from '../support/segment-sender.ts';
import { loopback } from '../support/webhook-sender.ts';

// An event that is larger than its service takes is a dead letter with its reason; its neighbours go out in one request.
const internet = await openInternet(() => ({ status: 200, body: '{"success":true}' }));
afterAll(() => internet.close());
const customerioBytes = 32_000;
const segmentBytes = 32_768;

function openCustomerio(replay: boolean, mapping: Record<string, unknown> = {}) {
  const { document, ...given } = usable('actions-customerio', 'trackEvent', mapping);
  const actionId = randomUUID();
  const sender = packageDestination(document).open(given.settings, {
    egress: loopback,
    destinationId: randomUUID(),
    actions: [{ actionId, action: 'trackEvent', mapping: given.mapping }],
    replay,
  });
  onTestFinished(() => sender.close());
  return { sender, actionId };
}

/** An event whose text is padded by as much. */
const padded = (index: number, padding: number, of: 'properties' | 'context' = 'properties') => ({
  type: 'track',
  event: 'Ordered',
  userId: 'ada',
  messageId: `m${index}`,
  timestamp: new Date().toISOString(),
  [of]: { padding: 'x'.repeat(padding) },
});

async function send(
  { sender, actionId }: { readonly sender: Sender; readonly actionId: string },
  events: readonly object[],
) {
  const outcomes = await sender.send(
    events.map((event) => deliveryOf(JSON.stringify(event), { actionId })),
    openGate,
  );
  return { outcomes, bodies: internet.taken().map(({ body }) => body.toString()) };
}

const told = (outcomes: readonly Outcome[]) =>
  outcomes.map((outcome) => ('failure' in outcome ? outcome.failure?.errorClass : outcome.kind));
const idsIn = (body: string | undefined) =>
  [...(body ?? '').matchAll(/"m\d"/g)].map(([id]) => id.slice(1, -1));

test.each([false, true])('in a batch of Customer.io, of a replay: %s', async (replay) => {
  const events = [padded(1, 10), padded(2, customerioBytes), padded(3, 10), padded(4, 40_000), padded(5, 10)];
  const { outcomes, bodies } = await send(openCustomerio(replay), events);
  expect(told(outcomes)).toEqual([
    'delivered',
    'event_too_large',
    'delivered',
    'event_too_large',
    'delivered',
  ]);
  const message = `The mapping makes \\d+ bytes of the event, and the service takes ${customerioBytes}.`;
  expect(outcomes[1]).toMatchObject({
    kind: 'invalid',
    failure: { message: expect.stringMatching(message) },
  });
  expect(bodies).toHaveLength(1);
  expect(idsIn(bodies[0])).toEqual(['m1', 'm3', 'm5']);
});

test('alone, and where all are too large, nothing is sent', async () => {
  for (const batching of [true, false]) {
    const opened = openCustomerio(false, { enable_batching: batching });
    const { outcomes, bodies } = await send(opened, [padded(1, customerioBytes)]);
    expect([told(outcomes), bodies]).toEqual([['event_too_large'], []]);
  }
});

test('it is what the mapping makes of an event that counts, not the event', async () => {
  const { outcomes, bodies } = await send(openCustomerio(false), [padded(1, 100_000, 'context')]);
  expect(told(outcomes)).toEqual(['delivered']);
  expect(bodies).toHaveLength(1);
});

test('of Segment’s own API, to the byte; other receivers say themselves what they take', async () => {
  const bytes = (padding: number) => JSON.stringify(padded(2, padding)).length;
  const exact = segmentBytes - bytes(0);
  const events = [padded(1, 10), padded(2, exact), padded(3, exact + 1), padded(4, 10)];
  const actionId = randomUUID();
  const limited = await send({ sender: openSegment('https://api.segment.io'), actionId }, events);
  expect(told(limited.outcomes)).toEqual(['delivered', 'delivered', 'event_too_large', 'delivered']);
  expect(limited.bodies.map(idsIn)).toEqual([['m1', 'm2', 'm4']]);
  const other = await send({ sender: openSegment('https://cdp.customer.io'), actionId }, events);
  expect(told(other.outcomes)).toEqual(['delivered', 'delivered', 'delivered', 'delivered']);
});
