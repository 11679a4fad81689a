import { isIP } from 'node:net';
import { expect, test } from 'vitest';
import type { Outcome } from '../../src/core/outcome.ts';
import { newWebhookSecret } from '../../src/destinations/webhook-signature.ts';
import { loadDefinition } from '../../src/destinations/registry.ts';
import type { RunContext } from '../../src/destinations/definition.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { noteDials } from '../support/dials.ts';
import { forbiddenV4, forbiddenV6, publicAddresses, spellingsOf } from '../support/hostile-addresses.ts';

// Nothing is dialled here: what would be is noted below the guard, and refused.
const forbidden = [...forbiddenV4, ...forbiddenV6];
let lookups = 0;
const dials = noteDials((name) => {
  const [kind = '', number = ''] = name.split('.')[0]!.split('-');
  const bad = forbidden[Number(number)] ?? forbidden[0]!;
  if (kind === 'mixed') return [bad, publicAddresses[0]!];
  if (kind === 'rebinds') return [lookups++ % 2 === 0 ? publicAddresses[0]! : bad];
  return [kind === 'open' ? publicAddresses[Number(number)]! : bad];
});

const literals = [...forbiddenV4.flatMap(spellingsOf), ...forbiddenV6.map((address) => `[${address}]`)];
const names = forbidden.flatMap((_, index) => [
  `to-${index}.example.com`,
  `mixed-${index}.example.com`,
  `rebinds-${index}.example.com`,
]);
const ports = [1, 22, 25, 53, 110, 143, 389, 445, 3306, 5432, 6379, 7233, 9200 + 1_000, 11211, 27017].map(
  (port) => `8.8.8.8:${port}`,
);
const schemes = [
  'ftp://8.8.8.8/',
  'file:///etc/passwd',
  'gopher://8.8.8.8/',
  'unix:/tmp/socket',
  'http://localhost/',
  'http://a.localhost/',
];
const urls = [...[...literals, ...names, ...ports].map((host) => `http://${host}/hook`), ...schemes];

const actionId = '00000000-0000-4000-8000-0000000000aa';
const context = (mapping: Record<string, unknown>, action: string | null): RunContext => ({
  egress: [],
  destinationId: '00000000-0000-4000-8000-0000000000ab',
  actions: [{ actionId, action, mapping }],
  replay: false,
});

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

test('saving refuses what is an address in any spelling, and a port or scheme that is not for destinations', async () => {
  const webhook = (await loadDefinition('webhook'))!;
  const taken = [...literals, ...ports]
    .map((host) => `http://${host}/hook`)
    .concat(schemes)
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
