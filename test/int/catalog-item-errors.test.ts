import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { packageDestination } from '../../src/destinations/catalog/definition.ts';
import { segment } from '../../src/destinations/segment.ts';
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

test('a list that comes packed, without being asked to, is read all the same', async () => {
  const errors = [{ batch_index: 1, reason: 'invalid' }];
  const body = gzipSync(JSON.stringify({ errors }));
  answer = { status: 207, headers: { 'content-encoding': 'gzip' }, body };
  const { outcomes } = await send('actions-customerio', 'trackEvent', {}, ['A', 'B', 'C']);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['delivered', 'refused', 'delivered']);
});

const iterable = (answered: Record<string, unknown>, names = ['A', 'B', 'C']) => {
  answer = { status: 200, body: JSON.stringify({ successCount: 0, ...answered }) };
  const mapping = { userId: { '@path': '$.userId' }, eventName: { '@path': '$.event' } };
  return send('actions-iterable', 'trackEvent', mapping, names);
};

test('Iterable: what its lists name is refused, and nothing else', async () => {
  const { outcomes, requests } = await iterable({
    failCount: 2,
    failedUpdates: { notFoundUserIds: ['user-0'] },
    disallowedEventNames: ['C'],
  });
  expect(requests).toBe(1);
  expect(outcomes).toMatchObject([
    { kind: 'refused', failure: { message: expect.stringContaining('notFoundUserIds') } },
    { kind: 'delivered' },
    { kind: 'refused', failure: { message: expect.stringContaining('disallowedEventNames') } },
  ]);
});

test('Iterable: failures that it counts and does not name leave no event counted as delivered', async () => {
  const { outcomes } = await iterable({ failCount: 1, invalidUserIds: ['somebody-else'] });
  const unclear = { kind: 'failed', together: true, failure: { errorClass: 'item_unclear' } };
  expect(outcomes).toMatchObject([unclear, unclear, unclear]);
  expect((await iterable({ failCount: 0, failedUpdates: {} })).outcomes.map(({ kind }) => kind)).toEqual([
    'delivered',
    'delivered',
    'delivered',
  ]);
});

test('Iterable: user updates are told by their ids', async () => {
  answer = { status: 200, body: JSON.stringify({ failCount: 1, invalidUserIds: ['user-1'] }) };
  const mapping = { userId: { '@path': '$.userId' } };
  const { outcomes } = await send('actions-iterable', 'updateUser', mapping, ['A', 'B']);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['delivered', 'refused']);
});

test('Pipedrive: a success that says that it failed is none', async () => {
  answer = {
    status: 200,
    body: JSON.stringify({ success: false, error: 'Deal limit', error_info: 'see there' }),
  };
  const mapping = { lead_id: 7, content: 'a note' };
  const { outcomes } = await send('actions-pipedrive', 'createUpdateNote', mapping, ['A']);
  expect(outcomes).toMatchObject([{ kind: 'refused', failure: { message: 'Deal limit: see there' } }]);
});

const contradictions: [what: string, status: number, body: string][] = [
  ['an item that was not sent', 207, '{"errors":[{"batch_index":7,"reason":"no"}]}'],
  ['indices as texts', 200, '{"errors":[{"batch_index":"1","reason":"no"}]}'],
  ['a list that is none', 200, '{"errors":{"0":"no"}}'],
  ['parts, and not which', 207, '{}'],
  ['half an answer', 207, '{"errors":[{"batch_index":1'],
  [
    'a huge list',
    207,
    JSON.stringify({ errors: Array.from({ length: 100_000 }, (_, index) => ({ batch_index: index })) }),
  ],
];
test.each(contradictions)('Customer.io: %s leaves nothing counted as delivered', async (_, status, body) => {
  answer = { status, body };
  const { outcomes } = await send('actions-customerio', 'trackEvent', {}, ['A', 'B', 'C']);
  expect(outcomes).toHaveLength(3);
  for (const outcome of outcomes) expect(['failed', 'refused']).toContain(outcome.kind);
});

const batches: [what: string, status: number, body: string, kinds: string[]][] = [
  ['unordered items', 207, '{"errors":[{"index":2},{"index":0}]}', ['refused', 'delivered', 'refused']],
  ['items twice', 200, '{"errors":[{"index":1},{"index":1}]}', ['delivered', 'refused', 'delivered']],
  [
    'a success beside errors',
    200,
    '{"success":true,"errors":[{"index":1}]}',
    ['delivered', 'refused', 'delivered'],
  ],
  ['nothing wrong', 200, '{"success":true}', ['delivered', 'delivered', 'delivered']],
  ['no errors', 200, '{"errors":[]}', ['delivered', 'delivered', 'delivered']],
  ['no success', 200, '{"success":false}', ['failed', 'failed', 'failed']],
  ['items that were not sent', 207, '{"errors":[{"index":3}]}', ['failed', 'failed', 'failed']],
  ['indices as texts', 207, '{"errors":[{"index":"1"}]}', ['failed', 'failed', 'failed']],
  ['a list that is none', 200, '{"errors":{"1":"no"}}', ['failed', 'failed', 'failed']],
  ['parts, and not which', 207, '{"status":207}', ['failed', 'failed', 'failed']],
  [
    'a huge list',
    200,
    JSON.stringify({ errors: Array.from({ length: 100_000 }, (_, index) => ({ index })) }),
    ['failed', 'failed', 'failed'],
  ],
];
test.each(batches)('a Segment-compatible batch answered with %s', async (_, status, body, kinds) => {
  answer = { status, body };
  const settings = { endpoint: 'https://cdp.example.com', writeKey: 'k' };
  const sender = segment.open(segment.settings.parse(settings), { egress: loopback });
  onTestFinished(() => sender.close());
  const deliveries = ['A', 'B', 'C'].map((event) =>
    deliveryOf(JSON.stringify({ type: 'track', event, userId: 'u', messageId: event })),
  );
  const outcomes = await sender.send(deliveries, openGate);
  expect(outcomes.map(({ kind }) => kind)).toEqual(kinds);
});
