import dns from 'node:dns';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { request as undiciRequest, Agent } from 'undici';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { parseEgressAllow } from '../../src/destinations/egress-address.ts';
import { runGuarded } from '../../src/destinations/egress-guard.ts';
import { newWebhookSecret } from '../../src/destinations/webhook-signature.ts';
import { webhook } from '../../src/destinations/webhook.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { startReceiver } from '../support/receiver.ts';

const none = parseEgressAllow([]);
const loopback = parseEgressAllow(['127.0.0.1']);

/** Waits for a socket's fate: `connected`, or its error's code. */
async function fateOf(socket: net.Socket, event = 'connect'): Promise<string> {
  try {
    await once(socket, event);
    return 'connected';
  } catch (error) {
    return codeOf(error);
  } finally {
    socket.destroy();
  }
}

function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: string; cause?: unknown };
  return code ?? (cause === undefined ? String(error) : codeOf(cause));
}

async function fateOfRequest(request: http.ClientRequest): Promise<string> {
  request.end();
  try {
    await once(request, 'response');
    return 'connected';
  } catch (error) {
    return codeOf(error);
  } finally {
    request.destroy();
  }
}

const clients: [name: string, connect: (host: string, port: number) => Promise<string>][] = [
  ['net.connect with options', (host, port) => fateOf(net.connect({ host, port }))],
  ['net.connect with port and host', (host, port) => fateOf(net.connect(port, host))],
  ['Socket.connect', (host, port) => fateOf(new net.Socket().connect(port, host))],
  [
    'Socket.connect with a callback',
    (host, port) => fateOf(new net.Socket().connect(port, host, () => undefined)),
  ],
  ['one address at a time', (host, port) => fateOf(net.connect({ host, port, autoSelectFamily: false }))],
  ['tls', (host, port) => fateOf(tls.connect({ host, port, rejectUnauthorized: false }))],
  ['http', (host, port) => fateOfRequest(http.request({ host, port, agent: new http.Agent() }))],
  ['https', (host, port) => fateOfRequest(https.request({ host, port, agent: new https.Agent() }))],
  [
    'undici',
    (host, port) =>
      undiciRequest(`http://${urlHost(host)}:${port}/`, { dispatcher: new Agent() }).then(
        () => 'connected',
        codeOf,
      ),
  ],
  ['fetch', (host, port) => fetch(`http://${urlHost(host)}:${port}/`).then(() => 'connected', codeOf)],
];

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

const forms = [
  '127.0.0.1',
  'localhost',
  '2130706433',
  '0x7f.1',
  '0177.0.0.1',
  '127.1',
  '0',
  '::1',
  '::ffff:127.0.0.1',
];

describe('inside the guard', () => {
  for (const [name, connect] of clients) {
    it.each(forms)(`${name} does not reach %s`, async (host) => {
      const receiver = await startReceiver();
      expect(await runGuarded(none, () => connect(host, receiver.port))).toBe('EGRESS_REFUSED');
      expect(receiver.connections).toHaveLength(0);
    });
  }

  it.each(clients.filter(([name]) => name !== 'tls' && name !== 'https'))(
    '%s reaches what the allow list holds',
    async (_, connect) => {
      const receiver = await startReceiver();
      expect(await runGuarded(loopback, () => connect('127.0.0.1', receiver.port))).toBe('connected');
    },
  );

  it('a name is dialled only at those of its addresses that may be', async () => {
    const receiver = await startReceiver();
    resolveTo([
      { address: '10.255.255.1', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ]);
    const { port } = receiver;
    expect(await runGuarded(loopback, () => fateOf(net.connect({ host: 'mixed.test', port })))).toBe(
      'connected',
    );
    expect(await runGuarded(none, () => fateOf(net.connect({ host: 'mixed.test', port })))).toBe(
      'EGRESS_REFUSED',
    );
    expect(receiver.connections).toHaveLength(1);
  });

  it("a caller's own lookup is checked as well", async () => {
    const receiver = await startReceiver();
    const lookup: net.LookupFunction = (_host, _options, callback) => callback(null, '127.0.0.1', 4);
    const connect = () =>
      fateOf(net.connect({ host: 'own.test', port: receiver.port, lookup, autoSelectFamily: false }));
    expect(await runGuarded(none, connect)).toBe('EGRESS_REFUSED');
    expect(await runGuarded(loopback, connect)).toBe('connected');
    expect(receiver.connections).toHaveLength(1);
  });

  it('a name that does not resolve says so', async () => {
    expect(await runGuarded(none, () => fateOf(net.connect({ host: 'nowhere.invalid', port: 443 })))).toMatch(
      /ENOTFOUND|EAI_AGAIN/,
    );
  });

  it('a socket of the file system is refused', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'guard-'));
    const server = net.createServer();
    let accepted = 0;
    server.on('connection', () => (accepted += 1));
    server.listen(join(folder, 's'));
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
      rmSync(folder, { recursive: true });
    });
    const path = join(folder, 's');
    expect(await runGuarded(loopback, () => fateOf(net.connect(path)))).toBe('EGRESS_REFUSED');
    expect(await runGuarded(loopback, () => fateOf(net.connect({ path })))).toBe('EGRESS_REFUSED');
    const socketPath = () => fateOfRequest(http.request({ socketPath: path, agent: new http.Agent() }));
    expect(await runGuarded(loopback, socketPath)).toBe('EGRESS_REFUSED');
    expect(accepted).toBe(0);
  });

  it('what started inside stays guarded over timers and promises', async () => {
    const receiver = await startReceiver();
    const later = runGuarded(none, async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return await fateOf(net.connect(receiver.port, '127.0.0.1'));
    });
    expect(await later).toBe('EGRESS_REFUSED');
  });
});

describe('outside the guard', () => {
  it('nothing changes, also while something runs inside', async () => {
    const receiver = await startReceiver();
    const inside = runGuarded(none, () => fateOf(net.connect(receiver.port, '127.0.0.1')));
    const outside = fateOf(net.connect(receiver.port, '127.0.0.1'));
    expect(await Promise.all([inside, outside])).toEqual(['EGRESS_REFUSED', 'connected']);
  });
});

describe('the connections of a sender', () => {
  const settings = (url: string) => ({ url, secret: newWebhookSecret(), concurrency: 1, timeoutMs: 5_000 });

  it('are guarded though nobody entered the guard', async () => {
    const receiver = await startReceiver();
    const sender = webhook.open(settings(receiver.url), { egress: none });
    onTestFinished(() => sender.close());
    const [outcome] = await sender.send([deliveryOf('{}')], openGate);
    expect(outcome).toMatchObject({
      kind: 'down',
      failure: { errorClass: 'egress_refused', message: expect.stringContaining('REPRISE_EGRESS_ALLOW') },
    });
    expect(receiver.connections).toHaveLength(0);
  });

  it('are guarded again when the server closed them and its name now points inside', async () => {
    const receiver = await startReceiver((_, response) => response.end());
    resolveTo([{ address: '127.0.0.1', family: 4 }]);
    const sender = webhook.open(settings(`http://rebound.test:${receiver.port}/`), { egress: loopback });
    onTestFinished(() => sender.close());
    expect(await sender.send([deliveryOf('{}')], openGate)).toMatchObject([{ kind: 'delivered' }]);

    resolveTo([{ address: '127.0.0.2', family: 4 }]);
    const [connection] = receiver.connections;
    connection?.destroy();
    await expect
      .poll(async () => await sender.send([deliveryOf('{}')], openGate))
      .toMatchObject([{ kind: 'down', failure: { errorClass: 'egress_refused' } }]);
    expect(receiver.connections).toHaveLength(1);
  });
});

/** What names resolve to from now on, in this test. */
function resolveTo(addresses: dns.LookupAddress[]): void {
  const spy = vi.spyOn(dns, 'lookup').mockImplementation((...args: unknown[]) => {
    const callback = args.at(-1) as (error: null, found: dns.LookupAddress[]) => void;
    process.nextTick(callback, null, addresses);
  });
  onTestFinished(() => spy.mockRestore());
}
