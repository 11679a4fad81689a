import { defaultMapping } from '../../src/destinations/catalog/compute-profile.ts';
import { readCatalogDocument } from '../../src/destinations/catalog/read.ts';
import { canary, hardCanary, keyCanary } from './canaries.ts';

/** A destination whose every secret is a canary, as it is connected. */
export interface CanaryDestination {
  readonly type: string;
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly actions?: readonly object[];
}

const trigger = 'type = "track"';

/** One of the package's, sending each event by itself. */
function ofCatalog(
  type: string,
  action: string,
  settings: Readonly<Record<string, unknown>>,
  more = {},
): CanaryDestination {
  const found = readCatalogDocument(type)!.actions.find((one) => one.name === action)!;
  const single = found.fields.some(({ name }) => name === 'enable_batching') && { enable_batching: false };
  const mapping = { ...defaultMapping(found), ...single, ...more };
  return { type, name: type, settings, actions: [{ action, trigger, mapping }] };
}

/** Of our own two types, of the package and of a definition of the deployment's own. @param url of the receiver; each has its path there */
export function canaryDestinations(url: string): CanaryDestination[] {
  const at = (type: string) => `${url}/${type}`;
  return [
    {
      type: 'webhook',
      name: 'webhook',
      settings: {
        url: `${at('webhook')}/${canary().replaceAll('/', '-')}?key=${encodeURIComponent(canary())}`,
        secret: `whsec_${keyCanary(32)}`,
        headers: { 'x-shop': canary(), authorization: `Bearer ${canary()}`, cookie: hardCanaryOfAscii() },
      },
      actions: [{ trigger }],
    },
    {
      type: 'segment',
      name: 'segment',
      settings: {
        endpoint: `${at('segment')}?pass=${encodeURIComponent(canary())}`,
        writeKey: canary(),
        batchSize: 1,
      },
      actions: [{ trigger }],
    },
    ofCatalog('actions-klime', 'track', { apiEndpoint: at('actions-klime'), writeKey: canary() }),
    ofCatalog('actions-ripe-cloud', 'track', { endpoint: at('actions-ripe-cloud'), apiKey: canary() }),
    ofCatalog('actions-altertable', 'event', {
      endpoint: at('actions-altertable'),
      apiKey: canary(),
      environment: canary(),
    }),
    ofCatalog('actions-movable-ink', 'sendEntireEvent', {
      movable_ink_url: `${at('actions-movable-ink')}/${canary()}/in?key=${encodeURIComponent(canary())}`,
      username: canary(),
      password: hardCanary(),
    }),
    ofCatalog('actions-equals', 'send', { url: `${at('actions-equals')}/${canary()}` }),
    ofCatalog(
      'actions-webhook',
      'send',
      { sharedSecret: hardCanary() },
      { url: `${at('actions-webhook')}/in`, method: 'POST', batch_size: 1 },
    ),
    {
      type: 'oauth-club',
      name: 'oauth-club',
      settings: {
        endpoint: at('oauth-club'),
        oauth: {
          accessToken: canary(),
          refreshToken: canary(),
          clientId: canary(),
          clientSecret: canary(),
        },
      },
      actions: [{ action: 'join', trigger, mapping: { id: { '@path': '$.messageId' } } }],
    },
  ];
}

/** For a header. */
const hardCanaryOfAscii = () => `${canary()}"\\ '!`;
