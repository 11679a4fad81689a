import { afterAll, expect, test } from 'vitest';
import { loadDefinition } from '../../src/destinations/registry.ts';
import type { DestinationDefinition, RunContext } from '../../src/destinations/definition.ts';
import { readCatalogDocument } from '../../src/destinations/catalog/read.ts';
import { parseEgressAllow } from '../../src/destinations/egress-address.ts';
import { settingsFor } from '../support/contract/made-up.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { openInternet, type Answer, type Recorded } from '../support/internet.ts';
import { tellingAnswers } from '../support/telling-answers.ts';

// Every secret of these accounts is a canary; the service tells all that it was sent, in each way that it can.
let answer: (request: Recorded) => Answer = () => ({ status: 200, body: '{}' });
const internet = await openInternet((request) => answer(request));
afterAll(() => internet.close());

let number = 0;
const canary = () => `canary/${++number}+7c1f=e`;

/** Settings with a canary in place of each text that somebody would type. */
function canaries(type: string): Record<string, unknown> {
  const document = readCatalogDocument(type)!;
  const settings = settingsFor(document);
  for (const { name, type: kind, choices, format } of document.settings) {
    const isFree =
      (kind === 'string' || kind === 'password') && choices === undefined && format === undefined;
    if (isFree && name in settings && !/url|endpoint|domain|host|region|email/i.test(name))
      settings[name] = canary();
  }
  return settings;
}

interface Account {
  readonly type: string;
  readonly settings: Record<string, unknown>;
  readonly action: string | null;
  /** Where they are but parts of settings. */
  readonly secrets?: readonly string[];
}
const catalogTypes = [
  'actions-klime',
  'actions-mixpanel',
  'actions-amplitude',
  'actions-customerio',
  'actions-heap-cloud',
  'actions-optimizely-data-platform',
  'actions-posthog',
  'actions-iterable',
  'actions-airship',
  'actions-gainsight-px-cloud',
  'actions-pipedrive',
  'actions-launchdarkly',
  'actions-fullstory-cloud',
];
const accounts: Account[] = [
  {
    type: 'webhook',
    settings: {
      url: 'https://hook.example.com/in',
      secret: `whsec_${Buffer.from('canary-of-the-webhook-7c1f').toString('base64')}`,
      headers: { 'x-api-key': canary(), authorization: `Bearer ${canary()}` },
    },
    action: null,
  },
  { type: 'segment', settings: { endpoint: 'https://cdp.example.com', writeKey: canary() }, action: null },
  ...catalogTypes.map((type): Account => ({
    type,
    settings: canaries(type),
    action: readCatalogDocument(type)!.presets[0]!.action,
  })),
  addressed(),
];

/** An account whose address is what gives access, as that of a hook. */
function addressed(): Account {
  const [inPath, inQuery, password] = ['canary-of-a-path-7c1f', canary(), canary()];
  const url = `https://ink.example.com/hooks/${inPath}/in?key=${encodeURIComponent(inQuery)}`;
  return {
    type: 'actions-movable-ink',
    settings: { movable_ink_url: url, username: 'shop', password },
    action: 'sendEntireEvent',
    secrets: [inPath, inQuery, encodeURIComponent(inQuery), password],
  };
}

const secretsOf = (value: unknown): string[] =>
  typeof value === 'string'
    ? value.includes('anary') || value.startsWith('whsec_')
      ? [value]
      : []
    : Object.values(value as object).flatMap(secretsOf);

const told = ({ url, headers, body }: Recorded) => ({ url, headers, body: body.toString() });

const testedKinds = new Set(['success', '400 of JSON', '401 of JSON', '500, not JSON']);

const actionId = '00000000-0000-4000-8000-0000000000aa';
const egress = parseEgressAllow(['127.0.0.0/8']);

async function everythingSaid(
  definition: DestinationDefinition,
  { type, settings, action }: Account,
  tested: boolean,
): Promise<unknown[]> {
  const mapping =
    action === null ? {} : { ...readCatalogDocument(type)!.presets[0]!.mapping, enable_batching: false };
  const context: RunContext = {
    egress,
    destinationId: '00000000-0000-4000-8000-0000000000ab',
    actions: [{ actionId, action, mapping }],
    replay: false,
  };
  const event = {
    type: 'track',
    event: 'Order Completed',
    userId: 'u1',
    anonymousId: 'a1',
    messageId: 'm1',
    timestamp: '2026-01-05T10:00:00.000Z',
    properties: { total: 3 },
    context: {},
  };
  const delivery = deliveryOf(JSON.stringify(event), { actionId });
  const sender = definition.open(settings, context);
  const said: unknown[] = [await sender.send([delivery], openGate)];
  await sender.close();
  // A test starts a process of its own.
  if (tested) said.push(await definition.test(settings, { egress }));
  return said;
}

test('there are 25 secrets and 20 kinds of answers at least', () => {
  expect(accounts.flatMap(({ settings }) => secretsOf(settings)).length).toBeGreaterThanOrEqual(25);
  expect(Object.keys(tellingAnswers).length).toBeGreaterThanOrEqual(20);
});

test.each(accounts)(
  'no secret of $type is in what is said of deliveries and tests, whatever it answers',
  { timeout: 120_000 },
  async (account) => {
    const definition = (await loadDefinition(account.type))!;
    const secrets = account.secrets ?? secretsOf(account.settings);
    let requests = 0;
    const leaks: string[] = [];
    for (const [kind, answering] of Object.entries(tellingAnswers)) {
      answer = (request) => answering(told(request));
      const said = withDecoded(
        JSON.stringify(await everythingSaid(definition, account, testedKinds.has(kind))),
      );
      requests += internet.taken().length;
      for (const secret of secrets)
        for (const form of formsOf(secret))
          if (said.includes(form))
            leaks.push(
              `${kind}: ${form} in ${said.slice(Math.max(0, said.indexOf(form) - 80), said.indexOf(form) + 60)}`,
            );
    }
    expect(leaks).toEqual([]);
    expect(requests).toBeGreaterThan(10);
  },
);

/** As it is, as URLs and as JSON within JSON have it. */
function formsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  return [secret, encodeURIComponent(secret), json, JSON.stringify(json).slice(1, -1)];
}

/** What is said, and what there is in it that is base64, as Basic authorisation is. */
function withDecoded(text: string): string {
  const coded = text.replaceAll('%3D', '=').replaceAll('%2B', '+').replaceAll('%2F', '/');
  const decoded = (coded.match(/[A-Za-z0-9+/]{16,}={0,2}/g) ?? []).map((part) =>
    Buffer.from(part, 'base64').toString('latin1'),
  );
  return [text, ...decoded].join('\n');
}
