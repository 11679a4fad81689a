import { randomUUID } from 'node:crypto';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { packageDestination } from '../../src/destinations/catalog/definition.ts';
import { usable } from '../support/catalog-engine.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { openInternet, type Answer } from '../support/internet.ts';
import { loopback } from '../support/webhook-sender.ts';

// What services say of the items of one request inside an answer of 2xx, which their definitions do not read.
let answer: Answer = { status: 200, body: '{}' };
const internet = await openInternet(() => answer);
afterAll(() => internet.close());

async function send(
  type: string,
  action: string,
  mapping: Record<string, unknown>,
  names: readonly string[],
) {
  const { document, ...given } = usable(type, action, { ...mapping, enable_batching: true });
  const actionId = randomUUID();
  const sender = packageDestination(document).open(given.settings, {
    egress: loopback,
    destinationId: randomUUID(),
    actions: [{ actionId, action, mapping: given.mapping }],
    replay: false,
  });
  onTestFinished(() => sender.close());
  const deliveries = names.map((event, index) =>
    deliveryOf(
      JSON.stringify({
        type: 'track',
        event,
        userId: `user-${index}`,
        messageId: `m-${index}`,
        timestamp: new Date().toISOString(),
        properties: { gclid: `g-${index}`, ...(event !== '' && { name: event }) },
      }),
      { actionId },
    ),
  );
  const outcomes = await sender.send(deliveries, openGate);
  return { outcomes, requests: internet.taken().length };
}

test('Customer.io: only what its answer lists is refused, whether it says 207 or 200', async () => {
  for (const status of [207, 200]) {
    const errors = [{ batch_index: 1, reason: 'invalid', field: 'identifiers', message: 'unknown person' }];
    answer = { status, body: JSON.stringify({ errors }) };
    const { outcomes, requests } = await send('actions-customerio', 'trackEvent', {}, ['A', 'B', 'C']);
    expect(requests).toBe(1);
    expect(outcomes).toMatchObject([
      { kind: 'delivered' },
      {
        kind: 'refused',
        failure: { errorClass: 'item_refused', message: 'invalid: identifiers: unknown person' },
      },
      { kind: 'delivered' },
    ]);
  }
});

test('Customer.io: an item that the definition itself refuses takes nobody else’s place', async () => {
  answer = { status: 207, body: JSON.stringify({ errors: [{ batch_index: 1, reason: 'invalid' }] }) };
  const mapping = { name: { '@path': '$.properties.name' } };
  const { outcomes } = await send('actions-customerio', 'trackEvent', mapping, ['', 'B', 'C']);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['invalid', 'delivered', 'refused']);
});

test('Campaign Manager 360: one bad conversion fails nobody else, and nothing is sent twice to find it', async () => {
  const errors = [{ code: 'NOT_FOUND', message: 'no such floodlight activity' }];
  answer = { status: 200, body: JSON.stringify({ hasFailures: true, status: [{}, { errors }, {}] }) };
  const { outcomes, requests } = await send(
    'actions-google-campaign-manager-360',
    'conversionUpload',
    {
      requiredId: { gclid: { '@path': '$.properties.gclid' } },
      value: 5,
      quantity: '1',
      floodlightActivityId: '1',
      floodlightConfigurationId: '2',
    },
    ['A', 'B', 'C'],
  );
  expect(requests).toBe(1);
  expect(outcomes).toMatchObject([
    { kind: 'delivered' },
    { kind: 'refused', failure: { message: 'NOT_FOUND: no such floodlight activity' } },
    { kind: 'delivered' },
  ]);
});
