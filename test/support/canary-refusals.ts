import { canary, keyCanary } from './canaries.ts';
import type { Listener } from './canary-places.ts';

/** A request that is refused although, or because, there is a secret in it. */
type Refused = readonly [method: string, path: string, body: unknown];

/** Changes and requests that nothing comes of. @param ids of things that are there @param url of a receiver */
export function refusedRequests(
  ids: {
    readonly webhook: string;
    readonly segment: string;
    readonly klime: string;
    readonly notification: string;
  },
  url: string,
): Refused[] {
  const at = (id: string) => `/api/destinations/${id}`;
  const klime = { type: 'actions-klime', name: 'Refused' };
  const webhook = { type: 'webhook', name: 'Refused' };
  const address = () => url.replace('://', `://user:${encodeURIComponent(canary())}@`);
  return [
    ['PATCH', at(ids.webhook), { settings: { secret: `whsec_${canary()}` } }],
    ['PATCH', at(ids.webhook), { settings: { secret: canary() } }],
    ['PATCH', at(ids.webhook), { settings: { url: address() } }],
    ['PATCH', at(ids.webhook), { settings: { url: `ftp://example.com/?key=${canary()}` } }],
    ['PATCH', at(ids.webhook), { settings: { url: `${canary()} is no address` } }],
    ['PATCH', at(ids.webhook), { settings: { headers: { 'x-key': `${canary()}\n` } } }],
    ['PATCH', at(ids.webhook), { settings: { headers: { 'webhook-id': canary() } } }],
    ['PATCH', at(ids.webhook), { settings: { headers: canary() } }],
    ['PATCH', at(ids.webhook), { settings: { password: canary() } }],
    ['PATCH', at(ids.webhook), { settings: canary() }],
    ['PATCH', at(ids.webhook), { setings: { secret: canary() } }],
    ['PATCH', at(ids.webhook), `{"settings": {"secret": "${canary()}"`],
    ['PATCH', at(ids.webhook), `{"settings": {"secret": ${canary()}}}`],
    ['PATCH', at(ids.segment), { settings: { writeKey: `${canary()}:` } }],
    ['PATCH', at(ids.segment), { settings: { writeKey: [canary()] } }],
    ['PATCH', at(ids.klime), { settings: { writeKey: { key: canary() } } }],
    ['PATCH', at(ids.klime), { settings: { apiKey: canary() } }],
    ['PATCH', at(ids.klime), { settings: { apiEndpoint: canary(), writeKey: 7 } }],
    [
      'POST',
      '/api/destinations',
      { ...webhook, settings: { url: address(), secret: `whsec_${keyCanary(32)}` } },
    ],
    ['POST', '/api/destinations', { ...webhook, settings: { secret: `whsec_${keyCanary(32)}` } }],
    ['POST', '/api/destinations', { ...klime, settings: { writeKey: canary() }, more: canary() }],
    ['POST', '/api/destinations', { ...klime, settings: { writeKey: canary(), apiEndpoint: 7 } }],
    ['POST', '/api/destinations', { ...klime, type: 'actions-nobody', settings: { writeKey: canary() } }],
    ['POST', '/api/notifications', { url, secret: `whsec_${canary()}` }],
    ['POST', '/api/notifications', { url: address() }],
    ['POST', '/api/notifications', { url: `${canary()} is no address` }],
    ['PATCH', `/api/notifications/${ids.notification}`, { secret: canary() }],
    ['PATCH', `/api/notifications/${ids.notification}`, { url: `ftp://example.com/${canary()}` }],
    ['POST', '/api/keys/rotate', { key: canary() }],
    ['POST', '/api/tokens', { name: 'Refused', role: 'admin', token: canary() }],
  ];
}

/** Asks with tokens that open nothing. @returns the statuses */
export async function askAsNobody({ ask }: Listener): Promise<number[]> {
  const tokens = [canary(), `rpt_${canary()}`];
  const asked = tokens.map((token) => ask('GET', '/api/destinations', undefined, { token }));
  const basic = { authorization: `Basic ${Buffer.from(`user:${canary()}`).toString('base64')}` };
  asked.push(ask('GET', '/api/destinations', undefined, { headers: basic }));
  return (await Promise.all(asked)).map(({ status }) => status);
}
