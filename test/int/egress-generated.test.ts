import { isIP } from 'node:net';
import { expect, test } from 'vitest';
import type { Outcome } from '../../src/core/outcome.ts';
import { newWebhookSecret } from '../../src/destinations/webhook-signature.ts';
import { loadDefinition } from '../../src/destinations/registry.ts';
import type { RunContext } from '../../src/destinations/definition.ts';
import type { DeliveryPreview } from '../../src/destinations/preview.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { noteDials } from '../support/dials.ts';
import { actionId, guardedContext as context } from '../support/guarded-context.ts';
import { publicAddresses } from '../support/hostile-addresses.ts';
import {
  hostileAddressesOf,
  hostileLiterals,
  hostilePorts,
  hostileSchemes,
  hostileUrls as urls,
} from '../support/hostile-urls.ts';

// Nothing is dialled here: what would be is noted below the guard, and refused.
const dials = noteDials(hostileAddressesOf);

async function send(type: string, settings: object, given: RunContext): Promise<Outcome> {
  const sender = (await loadDefinition(type))!.open(settings, given);
  try {
    const [outcome] = await sender.send([deliveryOf('{"type":"track","event":"E"}', { actionId })], openGate);
    return outcome!;
  } finally {
    await sender.close();
  }
}

/** Each way by which an address that somebody gave may be dialled. */
const doors = {
  webhook: async (url: string) =>
    await send('webhook', { url, secret: newWebhookSecret() }, context({}, null)),
  segment: async (endpoint: string) => await send('segment', { endpoint, writeKey: 'k' }, context({}, null)),
  catalog: async (url: string) =>
    await send(
      'actions-webhook',
      {},
      context({ url, method: 'POST', data: { '@path': '$.' }, enable_batching: false }, 'send'),
    ),
  test: async (url: string) => {
    const { ok } = await (await loadDefinition('webhook'))!.test(
      { url, secret: newWebhookSecret() },
      { egress: [] },
    );
    return { kind: ok ? 'delivered' : 'down' };
  },
} as const;

const mayBeDialled = new Set(publicAddresses);

test('there are more than a thousand of them', () => {
  expect(urls.length).toBeGreaterThan(1_000);
});

test.each(Object.keys(doors) as (keyof typeof doors)[])(
  '%s dials none of them',
  { timeout: 240_000 },
  async (door) => {
    const dialled: string[] = [];
    for (const url of urls) {
      // What cannot be opened at all is not dialled either.
      const outcome = await doors[door](url).catch((error: unknown) => ({ kind: String(error) }));
      expect(outcome.kind, url).not.toBe('delivered');
      dialled.push(
        ...dials
          .taken()
          .filter((address) => !mayBeDialled.has(address))
          .map((address) => `${url}: ${address}`),
      );
    }
    expect(dialled).toEqual([]);
  },
);

test('a preview dials nothing, neither what is forbidden nor what is public', async () => {
  const one = [deliveryOf('{"type":"track","event":"E"}', { actionId })];
  const all = [...urls, ...publicAddresses.map((_, index) => `https://open-${index}.example.com/hook`)];
  for (const url of all) {
    // What cannot be opened at all is not previewed either.
    const none: DeliveryPreview[] = [];
    const webhook = { url, secret: newWebhookSecret() };
    await (await loadDefinition('webhook'))!.preview(webhook, context({}, null), one).catch(() => none);
    const segment = { endpoint: url, writeKey: 'k' };
    await (await loadDefinition('segment'))!.preview(segment, context({}, null), one).catch(() => none);
    expect(dials.taken(), url).toEqual([]);
  }
  const mapping = { url: { '@path': '$.event' }, method: 'POST', data: {}, enable_batching: false };
  const deliveries = all.map((url) =>
    deliveryOf(JSON.stringify({ type: 'track', event: url }), { actionId }),
  );
  const catalog = (await loadDefinition('actions-webhook'))!;
  const shown = await catalog.preview({}, context(mapping, 'send'), deliveries);
  expect(dials.taken()).toEqual([]);
  expect(shown).toHaveLength(all.length);
  const literal = (url: string) => hostileLiterals.includes(url.slice('http://'.length, -'/hook'.length));
  const open = all.filter(
    (url, index) => literal(url) && shown[index]!.requests.some(({ refused }) => refused === null),
  );
  expect(open).toEqual([]); // where the address itself is forbidden it says so
});

test('saving refuses what is an address in any spelling, and a port or scheme that is not for destinations', async () => {
  const webhook = (await loadDefinition('webhook'))!;
  const taken = [...hostileLiterals, ...hostilePorts]
    .map((host) => `http://${host}/hook`)
    .concat(hostileSchemes)
    .filter((url) => {
      const parsed = webhook.settings.safeParse({ url });
      return parsed.success && webhook.check(parsed.data, []).length === 0;
    });
  expect(taken).toEqual([]);
});

test.each(Object.keys(doors) as (keyof typeof doors)[])(
  '%s dials what is public, by address and by name',
  async (door) => {
    for (const [index, address] of publicAddresses.entries()) {
      const host = isIP(address) === 6 ? `[${address}]` : address;
      for (const url of [`https://${host}/hook`, `https://open-${index}.example.com/hook`]) {
        await doors[door](url);
        expect(dials.taken(), url).toContain(address);
      }
    }
  },
);
