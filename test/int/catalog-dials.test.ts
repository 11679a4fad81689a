import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { SendGate } from '../../src/destinations/definition.ts';
import { openDialler, type OpenCatalogSender } from '../support/catalog-sender.ts';
import { newAuthority } from '../support/certificates.ts';
import { openGate } from '../support/deliveries.ts';
import { startReceiver } from '../support/receiver.ts';

// A definition that opens connections of its own: they are its parent's, which guards, asks, bounds and ends them.

async function sendOne({ sender, delivery }: OpenCatalogSender, gate: SendGate = openGate) {
  const [outcome] = await sender.send([delivery()], gate);
  return outcome!;
}

interface Server {
  readonly port: number;
  /** What each connection has sent so far. */
  readonly heard: string[];
}

/** A server of bytes on loopback that answers each connection's first bytes; it ends with the test. */
async function startServer(answer: (socket: net.Socket) => void): Promise<Server> {
  const heard: string[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const index = heard.push('') - 1;
    socket.on('error', () => undefined);
    socket.once('data', () => answer(socket));
    socket.on('data', (chunk) => (heard[index] += String(chunk)));
  });
  return { port: await listen(server), heard };
}

const saysYes = (socket: net.Socket) => void socket.end('yes');
const waitsForTheEnd = (socket: net.Socket) => void socket.once('end', () => socket.end('yes'));

async function listen(server: net.Server): Promise<number> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const certificate = newAuthority().issue('localhost');

/** A server that each client can speak to. */
const servers: Readonly<Record<string, () => Promise<number>>> = {
  net: async () => (await startServer(saysYes)).port,
  socket: async () => (await startServer(waitsForTheEnd)).port,
  tls: () =>
    listen(tls.createServer(certificate, (socket) => void socket.on('data', () => socket.end('yes')))),
  http: async () => (await startReceiver((_, response) => response.end('yes'))).port,
  https: () => listen(https.createServer(certificate, (_, response) => response.end('yes'))),
  http2: () => listen(http2.createSecureServer(certificate, (_, response) => response.end('yes'))),
};

describe.each(Object.keys(servers))('a definition that dials with %s', (client) => {
  it('reaches what may be dialled', async () => {
    const port = await servers[client]!();
    const outcome = await sendOne(openDialler({ client, host: '127.0.0.1', port, say: 'hello' }));
    expect(outcome).toEqual({ kind: 'delivered' });
  });

  it.each(['127.0.0.1', 'localhost', '::1', '2130706433', '0x7f.1', '::ffff:127.0.0.1', '169.254.169.254'])(
    'does not reach %s when nothing private may be dialled',
    async (host) => {
      const server = await startServer(saysYes);
      const outcome = await sendOne(openDialler({ client, host, port: server.port, say: 'hello' }, []));
      expect(outcome).toMatchObject({ kind: 'down', failure: { errorClass: 'egress_refused' } });
      expect(server.heard).toEqual([]);
    },
  );

  it('reaches nothing when its type is not one that dials', async () => {
    const server = await startServer(saysYes);
    const outcome = await sendOne(
      openDialler({ client, host: '127.0.0.1', port: server.port, say: 'hello' }, null),
    );
    expect(outcome).toMatchObject({ kind: 'invalid', failure: { message: /no network/ } });
    expect(server.heard).toEqual([]);
  });
});

describe('what a definition may not dial', () => {
  it('a socket of the file system', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dials-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const host = join(folder, 's');
    let accepted = 0;
    const server = net.createServer(() => (accepted += 1));
    await once(server.listen(host), 'listening');
    onTestFinished(() => void server.close());
    const outcome = await sendOne(openDialler({ client: 'path', host, port: 1, say: 'hello' }));
    expect(outcome).toMatchObject({ kind: 'down', failure: { errorClass: 'egress_refused' } });
    expect(accepted).toBe(0);
  });

  it('a port that is none of HTTP, at a public address', async () => {
    const outcome = await sendOne(
      openDialler({ client: 'net', host: '8.8.8.8', port: 25, say: 'hello' }, []),
    );
    expect(outcome).toMatchObject({
      kind: 'down',
      failure: { message: expect.stringContaining('Port 25 is not among') },
    });
  });

  it('anything, once its delivery has ended', async () => {
    const server = await startServer(saysYes);
    const target = { host: '127.0.0.1', port: server.port, say: 'hello', then: 'dial later' };
    const { sender, delivery } = openDialler({ ...target, client: { '@path': '$.client' } });
    const sent = async (client: string) =>
      await sender.send([delivery(`{"type":"track","event":"E","client":"${client}"}`)], openGate);
    expect(await sent('net')).toEqual([{ kind: 'delivered' }]);
    await expect
      .poll(async () => await sent('report'))
      .toMatchObject([{ failure: { message: 'later: EGRESS_REFUSED' } }]);
    expect(server.heard).toEqual(['hello']);
  });
});

it('a client that leaves a connection open is told when its delivery is over, so that it waits for nothing more', async () => {
  const server = await startServer((socket) => void socket.write('yes'));
  const target = { host: '127.0.0.1', port: server.port, say: 'hello' };
  const { sender, delivery } = openDialler({ ...target, client: { '@path': '$.client' } });
  const sent = async (client: string) =>
    await sender.send([delivery(`{"type":"track","event":"E","client":"${client}"}`)], openGate);
  expect(await sent('left')).toEqual([{ kind: 'delivered' }]);
  await expect
    .poll(async () => await sent('report'))
    .toMatchObject([{ failure: { message: expect.stringContaining('Its delivery is over.') } }]);
});

describe('a lane that may not send any more', () => {
  it('opens no connection, and its events are not at fault', async () => {
    const server = await startServer(saysYes);
    const target = openDialler({ client: 'net', host: '127.0.0.1', port: server.port, say: 'hello' });
    expect(await sendOne(target, { mayWrite: () => false })).toEqual({ kind: 'notSent' });
    expect(server.heard).toEqual([]);
  });

  it('writes nothing to a connection that is there', async () => {
    const server = await startServer(saysYes);
    const target = openDialler({ client: 'net', host: '127.0.0.1', port: server.port, say: 'hello' });
    let asked = 0;
    expect(await sendOne(target, { mayWrite: () => ++asked === 1 })).toEqual({ kind: 'notSent' });
    expect(server.heard.join('')).toBe('');
  });

  it('ends what has begun to leave, of which nobody knows what became', async () => {
    const server = await startServer(saysYes);
    const say = 'x'.repeat(10_000_000);
    const target = openDialler({ client: 'net', host: '127.0.0.1', port: server.port, say });
    let more = 0;
    const outcome = await sendOne(target, { mayWrite: () => true, mayGoOn: () => ++more < 3 });
    expect(outcome).toMatchObject({ kind: 'failed' });
    expect(server.heard[0]!.length).toBeLessThan(1_000_000);
  });

  it('has its turn at the first byte: what follows is a part of that', async () => {
    const say = 'x'.repeat(1_000_000);
    // It answers once it has heard all: with its answer the delivery is over, and its connection as well.
    const server = await startServer((socket) => {
      socket.on('data', () => void (socket.bytesRead >= say.length && socket.end('yes')));
    });
    const target = openDialler({ client: 'net', host: '127.0.0.1', port: server.port, say });
    let asked = 0;
    const outcome = await sendOne(target, { mayWrite: () => ++asked <= 2, mayGoOn: () => true });
    expect(outcome).toEqual({ kind: 'delivered' });
    expect(server.heard).toEqual([say]);
  });
});

const trickles = (socket: net.Socket) => {
  const timer = setInterval(() => socket.write('.'), 20);
  socket.once('close', () => clearInterval(timer));
};

describe('a hostile server', () => {
  const target = (server: Server) =>
    openDialler({ client: 'net', host: '127.0.0.1', port: server.port, say: 'hello' });

  it('that resets', async () => {
    const outcome = await sendOne(target(await startServer((socket) => void socket.resetAndDestroy())));
    expect(outcome).toMatchObject({ kind: 'failed', failure: { errorClass: 'connection_reset' } });
    await expectFine();
  });

  it('that closes before anything is said', async () => {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => void socket.end().resume());
    const outcome = await sendOne(target({ port: await listen(server), heard: [] }));
    expect(['down', 'failed']).toContain(outcome.kind);
    expect(outcome).not.toMatchObject({ failure: { errorClass: 'timeout' } });
  });

  it('that sends without end is not heard to its end', async () => {
    const written = Promise.withResolvers<number>();
    const server = await startServer((socket) => {
      const more = () => void socket.write(Buffer.alloc(65_536, 97), (error) => error == null && more());
      socket.once('close', () => written.resolve(socket.bytesWritten));
      more();
    });
    await sendOne(target(server));
    expect(await written.promise).toBeLessThan(20_000_000);
    await expectFine();
  });

  it.each([
    ['is silent', () => undefined, 20_000, 'timeout'],
    ['sends a byte now and then', trickles, 90_000, 'timeout'],
  ])('that %s is ended', async (_, answer, afterMs, errorClass) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const closed = Promise.withResolvers<void>();
    const server = await startServer((socket) => {
      socket.once('close', () => closed.resolve());
      answer(socket);
      setImmediate(() => vi.advanceTimersByTime(afterMs));
    });
    const outcome = await sendOne(target(server));
    expect(outcome).toMatchObject({ kind: 'failed', failure: { errorClass } });
    await closed.promise;
    vi.useRealTimers();
    await expectFine();
  });

  it('that nobody trusts gets nothing, and is down', async () => {
    const port = await servers['tls']!();
    const outcome = await sendOne(
      openDialler({ client: 'verified tls', host: 'localhost', port, say: 'hello' }),
    );
    expect(outcome).toMatchObject({ kind: 'down', failure: { errorClass: 'tls' } });
  });

  it('that is not there is down', async () => {
    const server = net.createServer();
    const port = await listen(server);
    server.close();
    const outcome = await sendOne(openDialler({ client: 'net', host: '127.0.0.1', port, say: 'hello' }));
    expect(outcome).toMatchObject({
      kind: 'down',
      failure: { errorClass: 'connection_refused', message: expect.stringContaining(`127.0.0.1:${port}`) },
    });
  });

  /** The child that met it serves the next delivery. */
  async function expectFine(): Promise<void> {
    expect(await sendOne(target(await startServer(saysYes)))).toEqual({ kind: 'delivered' });
  }
});

it('a child that ends leaves open what became of what others had written', async () => {
  const silent: net.Socket[] = [];
  const server = await startServer((socket) => void silent.push(socket));
  const answering = await startServer(saysYes);
  const at = (port: number) => ({ client: 'net', host: '127.0.0.1', port, say: 'hello' });
  // There are two children: one of these shares its own with the delivery that ends it.
  const waiting = [0, 1].map(() => sendOne(openDialler(at(server.port))));
  await expect.poll(() => server.heard).toEqual(['hello', 'hello']);
  await sendOne(openDialler({ ...at(answering.port), then: 'crash' }));
  expect(await Promise.race(waiting)).toMatchObject({
    kind: 'failed',
    failure: { errorClass: 'definition_crashed' },
  });
  for (const socket of silent) socket.destroy();
  await Promise.all(waiting);
  expect(server.heard).toEqual(['hello', 'hello']);
});
