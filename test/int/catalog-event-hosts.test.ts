import { expect, test } from 'vitest';
import type { Outcome } from '../../src/core/outcome.ts';
import { loadDefinition } from '../../src/destinations/registry.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { actionId, guardedContext } from '../support/guarded-context.ts';
import { startReceiver } from '../support/receiver.ts';
import { loopback } from '../support/webhook-sender.ts';

// Whoever holds the public write key of a source chooses what its events say. An address in one must not be able to hold up,
// slow down or switch off the destination for all the others.

const fromEvent = { '@path': '$.properties.to' };

async function outcomeOf(url: unknown, to: string, more: Record<string, unknown> = {}): Promise<Outcome> {
  const mapping = { url, method: 'POST', data: { '@path': '$.properties' }, ...more };
  const definition = (await loadDefinition('actions-webhook'))!;
  const sender = definition.open({}, { ...guardedContext(mapping, 'send'), egress: loopback });
  try {
    const event = JSON.stringify({ type: 'track', event: 'E', userId: 'u', properties: { to } });
    const [outcome] = await sender.send([deliveryOf(event, { actionId })], openGate);
    return outcome!;
  } finally {
    await sender.close();
  }
}
const kindOf = async (...given: Parameters<typeof outcomeOf>) => {
  const outcome = await outcomeOf(...given);
  return [outcome.kind, 'failure' in outcome ? outcome.failure.errorClass : null];
};

test.each([
  'http://169.254.169.254/latest',
  'http://2852039166/',
  'HTTP://169.254.169.254:80',
  'file:///etc/passwd',
  'http://93.184.216.34:22/',
])('an address of an event that may not be reached, %s, is that event’s fault', async (to) => {
  expect(await kindOf(fromEvent, to)).toEqual(['refused', 'egress_refused']);
});

test('one whose name there is not, or where nobody listens, fails as that event', async () => {
  expect(await kindOf(fromEvent, 'http://nope.invalid/')).toEqual(['failed', 'dns']);
  expect(await kindOf({ '@template': 'http://{{properties.to}}.invalid/' }, 'acme')).toEqual([
    'failed',
    'dns',
  ]);
  expect(await kindOf(fromEvent, 'http://127.0.0.1:9/')).toEqual(['failed', 'connection_refused']);
});

test('one that the mapping names is the destination’s: it is down', async () => {
  expect(await kindOf('http://nope.invalid/', 'x')).toEqual(['down', 'dns']);
  expect(await kindOf('http://nope.invalid/', 'http://nope.invalid/')).toEqual(['down', 'dns']);
  expect(await kindOf('http://169.254.169.254/', 'x')).toEqual(['down', 'egress_refused']);
  expect(await kindOf({ '@template': 'http://127.0.0.1:9/{{properties.to}}' }, 'x')).toEqual([
    'down',
    'connection_refused',
  ]);
});

test.each([
  [401, 'down', 'refused'],
  [410, 'gone', 'refused'],
  [429, 'throttled', 'failed'],
  [503, 'throttled', 'failed'],
] as const)(
  '%i speaks for the destination (%s) only from an address of its own',
  async (status, own, ofEvent) => {
    const receiver = await startReceiver((_, response) =>
      response.writeHead(status, { 'retry-after': '3600' }).end('no'),
    );
    expect((await outcomeOf(receiver.url, 'x')).kind).toBe(own);
    expect((await outcomeOf(fromEvent, receiver.url)).kind).toBe(ofEvent);
  },
);

test('a batch whose address came out of its events blames none of them, and is divided', async () => {
  const mapping = {
    url: fromEvent,
    method: 'POST',
    data: { '@path': '$.properties' },
    enable_batching: true,
  };
  const definition = (await loadDefinition('actions-webhook'))!;
  const sender = definition.open({}, guardedContext(mapping, 'send'));
  const event = (n: number) =>
    deliveryOf(`{"type":"track","event":"E${n}","userId":"u","properties":{"to":"http://10.0.0.1/"}}`, {
      actionId,
    });
  const outcomes = await sender.send([event(1), event(2)], openGate);
  await sender.close();
  expect(outcomes).toMatchObject([
    { kind: 'refused', together: true },
    { kind: 'refused', together: true },
  ]);
});

test('a mapping that fails for the second call of a batch takes nothing back of the first one', async () => {
  const receiver = await startReceiver();
  const decoded = { '@liquid': '{{ properties.text | url_decode }}' };
  const mapping = { url: fromEvent, method: 'POST', data: { decoded }, enable_batching: true };
  const sender = (await loadDefinition('actions-webhook'))!.open(
    {},
    { ...guardedContext(mapping, 'send'), egress: loopback },
  );
  const event = (path: string, text: string) =>
    deliveryOf(
      JSON.stringify({
        type: 'track',
        event: 'E',
        userId: 'u',
        properties: { to: receiver.url + path, text },
      }),
      { actionId },
    );
  const outcomes = await sender.send([event('/a', 'fine'), event('/b', '%')], openGate);
  await sender.close();
  expect(receiver.requests).toHaveLength(1);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['delivered', 'failed']);
});

test('a mapping that makes more of an event than any service takes fails that event, and nothing leaves', async () => {
  const receiver = await startReceiver();
  const data = Object.fromEntries(
    Array.from({ length: 3_000 }, (_, n) => [`k${n}`, { '@path': '$.properties.to' }]),
  );
  const outcome = await outcomeOf(receiver.url, 'x'.repeat(20_000), { data });
  expect(outcome).toMatchObject({
    kind: 'refused',
    failure: { status: 413, message: expect.stringContaining('bytes') },
  });
  expect(receiver.requests).toEqual([]);
});
