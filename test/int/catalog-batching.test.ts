import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { packageDestination } from '../../src/destinations/catalog/definition.ts';
import type { ReplayProfile } from '../../src/destinations/replay-profile.ts';
import { usable } from '../support/catalog-engine.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { startReceiver } from '../support/receiver.ts';
import { loopback } from '../support/webhook-sender.ts';

interface Asked {
  readonly mapping?: Record<string, unknown>;
  readonly overlay?: ReplayProfile['overlays'][number]['value'];
}

/** What the catalog's webhook is sent of some events, in as many calls as are needed: their names, as the bodies hold them. */
async function bodiesOf(count: number, { mapping = {}, overlay }: Asked): Promise<unknown[]> {
  const receiver = await startReceiver();
  const whole = { url: receiver.url, method: 'POST', data: { '@path': '$.' }, ...mapping };
  const { document, ...given } = usable('actions-webhook', 'send', whole);
  const profile = { ...document.replay.profile!, overlays: overlay ? [said(overlay)] : [] };
  const actionId = randomUUID();
  const sender = packageDestination({ ...document, replay: { ...document.replay, profile } }).open(
    given.settings,
    {
      egress: loopback,
      destinationId: randomUUID(),
      actions: [{ actionId, action: 'send', mapping: given.mapping }],
      replay: overlay !== undefined,
    },
  );
  onTestFinished(() => sender.close());
  let left = Array.from({ length: count }, (_, index) =>
    deliveryOf(`{"type":"track","event":"E${index + 1}"}`, { actionId }),
  );
  while (left.length > 0) {
    const outcomes = await sender.send(left, openGate);
    expect(outcomes.every(({ kind }) => kind === 'delivered' || kind === 'notSent')).toBe(true);
    left = left.filter((_, index) => outcomes[index]!.kind === 'notSent');
  }
  const namesOf = (value: unknown): unknown =>
    Array.isArray(value) ? value.map(namesOf) : (value as { event: string }).event;
  return receiver.requests.map(({ body }) => namesOf(JSON.parse(body)));
}

const said = (value: ReplayProfile['overlays'][number]['value']) => ({
  value,
  source: 'a test',
  confirmed: true,
});

test.each([
  [{ enable_batching: undefined }],
  [{ enable_batching: undefined, batch_size: 0 }],
  [{ enable_batching: undefined, batch_size: 50 }],
  [{ enable_batching: false, batch_size: 50 }],
  [{ enable_batching: 'false' }],
  [{ enable_batching: '' }],
])('where batching is off (%j) each event goes alone, and never as a list', async (mapping) => {
  expect(await bodiesOf(1, { mapping })).toEqual(['E1']);
  expect(await bodiesOf(3, { mapping })).toEqual(['E1', 'E2', 'E3']);
});

test.each([
  [{ enable_batching: true }, [['E1', 'E2', 'E3']]],
  [{ enable_batching: 'true', batch_size: 0 }, [['E1', 'E2', 'E3']]],
  [{ enable_batching: true, batch_size: 2 }, [['E1', 'E2'], ['E3']]],
  [{ enable_batching: true, batch_size: '2' }, [['E1', 'E2'], ['E3']]],
])('where it is on (%j) they go together', async (mapping, expected) => {
  expect(await bodiesOf(3, { mapping })).toEqual(expected);
});

test('a replay batches where the profile says so, unless somebody has chosen otherwise', async () => {
  const overlay = {
    kind: 'batching',
    name: 'enable_batching',
    value: true,
    because: 'It is a test.',
  } as const;
  expect(await bodiesOf(2, { overlay })).toEqual([['E1', 'E2']]);
  const size = { ...overlay, name: 'batch_size', value: 1 };
  expect(await bodiesOf(2, { overlay: size, mapping: { enable_batching: true } })).toEqual(['E1', 'E2']);
});
