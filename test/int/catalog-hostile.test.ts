import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import zlib from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openGate } from '../support/deliveries.ts';
import { openCatalogWebhook, type OpenCatalogSender } from '../support/catalog-sender.ts';
import { breaks, lies } from '../support/hostile-answers.ts';
import { startRawReceiver, startReceiver } from '../support/receiver.ts';

async function sendOne({ sender, delivery }: OpenCatalogSender, gate = openGate) {
  const [outcome] = await sender.send([delivery()], gate);
  return outcome!;
}

// The catalog's default client dies of a reset within a body, hangs on 66 kB and follows a redirect as a GET.
describe('what a destination of the catalog answers', () => {
  it.each([...breaks, ...lies])('$name', async ({ answer, outcome }) => {
    const receiver = await startRawReceiver(answer);
    expect(await sendOne(openCatalogWebhook(receiver.url))).toMatchObject(outcome);
    expect(receiver.requests).toHaveLength(1);
  });

  it.each([302, 307])('a redirect (%i) is not followed, and is no success', async (status) => {
    const other = await startReceiver();
    const receiver = await startReceiver((_, response) =>
      response.writeHead(status, { location: other.url }).end(),
    );
    const outcome = await sendOne(openCatalogWebhook(receiver.url));
    expect(outcome).toMatchObject({ kind: 'refused', failure: { status } });
    expect([receiver.requests.length, other.requests.length]).toEqual([1, 0]);
  });

  it('a success of many megabytes is one, and is not read to its end', async () => {
    const receiver = await startReceiver((_, response) => {
      response.on('error', () => undefined);
      response.end(Buffer.alloc(50_000_000, 97));
    });
    expect(await sendOne(openCatalogWebhook(receiver.url))).toMatchObject({ kind: 'delivered' });
  });

  it('a gzip bomb is not inflated', async () => {
    const bomb = zlib.gzipSync(Buffer.alloc(100_000_000));
    const receiver = await startReceiver((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/json' }).end(bomb),
    );
    expect(await sendOne(openCatalogWebhook(receiver.url))).toMatchObject({ kind: 'delivered' });
  });

  it('what it says of when to come back counts', async () => {
    const receiver = await startReceiver((_, response) =>
      response.writeHead(429, { 'retry-after': '7' }).end('slow down'),
    );
    const outcome = await sendOne(openCatalogWebhook(receiver.url));
    expect(outcome).toMatchObject({ kind: 'throttled', retryAfterMs: 7_000 });
  });

  it('no answer at all: the client of the definition gives up, and the event is sent again later', async () => {
    const receiver = await startReceiver(() => undefined);
    expect(await sendOne(openCatalogWebhook(receiver.url))).toMatchObject({ kind: 'failed' });
    expect(receiver.requests).toHaveLength(1);
  });

  it('nobody there: the destination is down', async () => {
    const receiver = await startReceiver();
    await receiver.close();
    expect(await sendOne(openCatalogWebhook(receiver.url))).toMatchObject({
      kind: 'down',
      failure: { errorClass: 'connection_refused' },
    });
  });
});

describe('what may not be dialled', () => {
  it.each([
    'http://10.0.0.1/',
    'http://[::1]:9000/',
    'file:///etc/passwd',
    'http://2130706434/',
    'ftp://a.b/',
  ])('%s', async (url) => {
    const outcome = await sendOne(openCatalogWebhook(url));
    expect(outcome.kind).toMatch(/^(down|invalid)$/);
  });
});

describe('a lane that may not send any more', () => {
  it('sends nothing, and its events are not at fault', async () => {
    const receiver = await startReceiver();
    const outcome = await sendOne(openCatalogWebhook(receiver.url), { mayWrite: () => false });
    expect(outcome).toEqual({ kind: 'notSent' });
    expect(receiver.requests).toHaveLength(0);
  });
});

describe('a batch', () => {
  it('is one request, and one answer is the outcome of each', async () => {
    const receiver = await startReceiver();
    const { sender, delivery } = openCatalogWebhook(receiver.url, {}, 10);
    const outcomes = await sender.send(
      [1, 2, 3].map((n) => delivery(`{"n":${n}}`)),
      openGate,
    );
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(['delivered', 'delivered', 'delivered']);
    expect(receiver.requests.map(({ body }) => body)).toEqual(['[{"n":1},{"n":2},{"n":3}]']);
  });

  it('that is refused as a whole blames none of its events alone', async () => {
    const receiver = await startReceiver((_, response) => response.writeHead(400).end());
    const { sender, delivery } = openCatalogWebhook(receiver.url, {}, 10);
    const outcomes = await sender.send([delivery(), delivery()], openGate);
    const refused = expect.objectContaining({ kind: 'refused', together: true });
    expect(outcomes).toEqual([refused, refused]);
  });
});

describe('what a definition has given up on', () => {
  it('was not delivered, but says nothing about its event, when no connection was made', async () => {
    const silent = net.createServer();
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void silent.close());
    const { port } = silent.address() as AddressInfo;
    expect(await sendOne(openCatalogWebhook(`https://127.0.0.1:${port}/`))).toMatchObject({
      kind: 'down',
      failure: { errorClass: 'connect_timeout' },
    });
  });

  it('holds no connection: the next event need not wait for one', async () => {
    const receiver = await startReceiver((_, response, index) =>
      index < 8 ? undefined : response.end('{}'),
    );
    const { sender, delivery } = openCatalogWebhook(receiver.url);
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => sender.send([delivery()], openGate)));
    expect(outcomes.flat()).toMatchObject(
      Array.from({ length: 8 }, () => ({ kind: 'failed', failure: { errorClass: 'timeout' } })),
    );
    expect(await sender.send([delivery()], openGate)).toMatchObject([{ kind: 'delivered' }]);
  });
});
