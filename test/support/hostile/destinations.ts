import { readCatalogDocument } from '../../../src/destinations/catalog/read.ts';
import { defaultMapping } from '../../../src/destinations/catalog/compute-profile.ts';
import { withSyncMode } from '../../../src/destinations/catalog/describe-field.ts';
import { givenValues } from '../contract/given.ts';
import { mappingFor, settingsFor } from '../contract/made-up.ts';

/** A destination that is made to suffer. */
export interface Suffering {
  readonly type: string;
  /** Where it sends to. */
  readonly host: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly action: string | null;
  readonly mapping: Readonly<Record<string, unknown>>;
}

/** Types of the catalog with the action that is used: of one request and of several, that read answers and that do not. */
const catalog: readonly [type: string, action: string, host: string][] = [
  ['actions-klime', 'track', 'i.klime.com'],
  ['actions-mixpanel', 'trackPurchase', 'api.mixpanel.com'],
  ['actions-amplitude', 'logEvent', 'api2.amplitude.com'],
  ['actions-customerio', 'trackEvent', 'track.customer.io'],
  ['actions-posthog', 'event', 'us.i.posthog.com'],
  ['actions-moengage', 'trackEvent', 'api-01.moengage.com'],
  ['actions-intercom-cloud', 'trackEvent', 'api.intercom.io'],
  ['actions-google-analytics-4', 'purchase', 'www.google-analytics.com'],
  ['actions-braze-cloud', 'trackEvent', 'rest.iad-01.braze.com'],
  ['actions-webhook', 'send', 'service.example.com'],
];

/** What no text of an outcome may hold. */
export const canary = 'canary7c1f';

/** Milliseconds that the two destinations of our own wait for an answer. */
export const ownTimeoutMs = 5_000;

export function sufferingDestinations(): Suffering[] {
  return [
    {
      type: 'webhook',
      host: 'hook.example.com',
      settings: {
        url: 'https://hook.example.com/in',
        secret: `whsec_${Buffer.from(`${canary}-of-the-webhook`).toString('base64')}`,
        headers: { authorization: `Bearer ${canary}` },
        timeoutMs: ownTimeoutMs,
      },
      action: null,
      mapping: {},
    },
    {
      type: 'segment',
      host: 'cdp.example.com',
      settings: { endpoint: 'https://cdp.example.com', writeKey: canary, timeoutMs: ownTimeoutMs },
      action: null,
      mapping: {},
    },
    ...catalog.map(([type, action, host]) => fromCatalog(type, action, host)),
  ];
}

function fromCatalog(type: string, name: string, host: string): Suffering {
  const document = readCatalogDocument(type)!;
  const action = document.actions.find((one) => one.name === name);
  if (action === undefined) throw new Error(`${type} has no ${name}`);
  const given = givenValues[type] ?? {};
  const settings: Record<string, unknown> = { ...settingsFor(document), ...given.settings };
  for (const field of document.settings) {
    const isKey = field.type === 'password' || /key|secret|token/i.test(field.name);
    if (isKey && field.name in settings) settings[field.name] = canary;
  }
  const mapping = mappingFor(action.fields, withSyncMode(defaultMapping(action), action.syncMode));
  return {
    type,
    host,
    settings,
    action: name,
    mapping: { ...mapping, ...given.mapping, enable_batching: false },
  };
}
