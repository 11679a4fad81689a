import { expect, test } from 'vitest';
import { addOwnDefinitions } from '../../src/destinations/catalog/own-folder.ts';
import type { RunContext, Tokens } from '../../src/destinations/definition.ts';
import { loadDefinition } from '../../src/destinations/registry.ts';
import { newWebhookSecret } from '../../src/destinations/webhook-signature.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { noteDials } from '../support/dials.ts';
import { actionId, guardedContext as context } from '../support/guarded-context.ts';
import { publicAddresses } from '../support/hostile-addresses.ts';
import { hostileAddressesOf, hostileUrls } from '../support/hostile-urls.ts';
import { startReceiver } from '../support/receiver.ts';

// A public service, which is this receiver, leads those who send to it to where nobody may go.
const service = '203.208.60.1';
let location = '';
let answered = 0;
const statuses = [301, 302, 303, 307, 308];

/** Before connections of this process are noted: its own server needs them. */
async function startService() {
  const receiver = await startReceiver((request, response) => {
    if (request.path.startsWith('/club')) return response.writeHead(401).end();
    return response
      .writeHead(statuses[answered++ % statuses.length]!, {
        location: Buffer.from(location).toString('latin1'),
      })
      .end();
  });
  await addOwnDefinitions(new URL('../support/definitions', import.meta.url).pathname);
  const dials = noteDials((name) => (name === 'service.example.com' ? [service] : hostileAddressesOf(name)), {
    address: service,
    port: receiver.port,
  });
  return { receiver, dials };
}

async function opened(type: string, settings: object, given: RunContext) {
  const sender = (await loadDefinition(type))!.open(settings, given);
  const send = async () =>
    (
      await sender.send([deliveryOf('{"type":"track","event":"E","messageId":"m"}', { actionId })], openGate)
    )[0]!;
  return { send, close: () => sender.close() };
}

test(
  'no redirect is followed, wherever it leads, and no token is fetched from where nobody may go',
  { timeout: 300_000 },
  async () => {
    const { receiver, dials } = await startService();
    const url = 'http://service.example.com/hook';
    const mapping = { url, method: 'POST', data: { '@path': '$.' }, enable_batching: false };
    const senders = [
      await opened('webhook', { url, secret: newWebhookSecret() }, context({}, null)),
      await opened('segment', { endpoint: url, writeKey: 'k' }, context({}, null)),
      await opened('actions-webhook', {}, context(mapping, 'send')),
    ];
    for (location of [...hostileUrls, ...publicAddresses.map((one) => `https://${one}/hook`)]) {
      const before = receiver.requests.length;
      for (const { send } of senders) expect((await send()).kind, location).not.toBe('delivered');
      expect(receiver.requests.length - before, location).toBe(senders.length);
      expect(
        dials.taken().filter((address) => address !== service),
        location,
      ).toEqual([]);
    }
    for (const { close } of senders) await close();

    const settings = (tokenEndpoint: string) => ({
      endpoint: 'http://service.example.com/club',
      tokenEndpoint,
      oauth: { accessToken: 'a', refreshToken: 'r', clientId: 'c', clientSecret: 's' },
    });
    let tokenEndpoint = '';
    let asked = 0;
    const renew: RunContext['renew'] = async (_, refresh) => {
      asked += 1;
      const tokens: Tokens | string = await refresh(settings(tokenEndpoint));
      return { ok: false, message: JSON.stringify(tokens) };
    };
    const club = await opened('oauth-club', settings(''), {
      ...context({ id: { '@path': '$.messageId' } }, 'join'),
      renew,
    });
    for (tokenEndpoint of hostileUrls) {
      expect((await club.send()).kind, tokenEndpoint).not.toBe('delivered');
      expect(
        dials.taken().filter((address) => address !== service && !publicAddresses.includes(address)),
        tokenEndpoint,
      ).toEqual([]);
    }
    expect(asked).toBe(hostileUrls.length);
    for (const [index, address] of publicAddresses.entries()) {
      tokenEndpoint = `https://open-${index}.example.com/token`;
      await club.send();
      expect(dials.taken(), tokenEndpoint).toContain(address);
    }
    await club.close();
  },
);
