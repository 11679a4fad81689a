import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/core/outcome.ts';
import { webhook } from '../../src/destinations/webhook.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { startRawReceiver, startReceiver } from '../support/receiver.ts';
import { loopback, openSender, sendOne } from '../support/webhook-sender.ts';

async function outcomeOfAnswer(status: number, headers: Record<string, string> = {}): Promise<Outcome> {
  const receiver = await startReceiver((_, response) => {
    response.sendDate = !('x-no-date' in headers);
    response.writeHead(status, headers).end(status === 204 ? undefined : 'because');
  });
  const outcome = await sendOne(openSender(receiver.url));
  expect(receiver.requests).toHaveLength(1);
  return outcome;
}

describe('what an answer means', () => {
  it.each([200, 201, 202, 204, 206, 299])('%d: delivered', async (status) => {
    const said = status === 204 ? '' : ': because';
    const line = new RegExp(`^${status}( [A-Z][A-Za-z ]+)? in \\d+ ms${said}$`);
    expect(await outcomeOfAnswer(status)).toEqual({ kind: 'delivered', answer: expect.stringMatching(line) });
  });

  it.each([
    [300, 'refused'],
    [301, 'refused'],
    [302, 'refused'],
    [303, 'refused'],
    [304, 'refused'],
    [307, 'refused'],
    [308, 'refused'],
    [400, 'refused'],
    [401, 'down'],
    [402, 'refused'],
    [403, 'refused'],
    [404, 'refused'],
    [405, 'refused'],
    [408, 'failed'],
    [409, 'refused'],
    [410, 'gone'],
    [413, 'refused'],
    [415, 'refused'],
    [422, 'refused'],
    [425, 'failed'],
    [429, 'throttled'],
    [451, 'refused'],
    [500, 'failed'],
    [501, 'failed'],
    [502, 'failed'],
    [503, 'failed'],
    [504, 'failed'],
    [507, 'failed'],
    [599, 'failed'],
    [600, 'failed'],
    [999, 'failed'],
  ])('%d: %s', async (status, kind) => {
    expect(await outcomeOfAnswer(status)).toMatchObject({
      kind,
      failure: { errorClass: `http_${status}`, status, message: expect.stringContaining(String(status)) },
    });
  });

  it.each([
    [429, { 'retry-after': '7' }, { kind: 'throttled', retryAfterMs: 7_000 }],
    [429, { 'retry-after': '-7' }, { kind: 'throttled', retryAfterMs: null }],
    [429, {}, { kind: 'throttled', retryAfterMs: null }],
    [429, { 'retry-after': '999999' }, { kind: 'throttled', retryAfterMs: 3_600_000 }],
    [503, { 'retry-after': '7' }, { kind: 'throttled', retryAfterMs: 7_000 }],
    [503, { 'retry-after': 'later' }, { kind: 'failed' }],
    [500, { 'retry-after': '7' }, { kind: 'failed' }],
    [
      429,
      { date: 'Thu, 20 Aug 2026 12:00:00 GMT', 'retry-after': 'Thu, 20 Aug 2026 12:00:09 GMT' },
      { kind: 'throttled', retryAfterMs: 9_000 },
    ],
  ])('%d with %j', async (status, headers, expected) => {
    expect(await outcomeOfAnswer(status, headers)).toMatchObject(expected);
  });

  it("reads Retry-After against this process's clock when the answer has no date", async () => {
    const at = new Date(Date.now() + 60_000).toUTCString();
    const outcome = await outcomeOfAnswer(429, { 'x-no-date': '1', 'retry-after': at });
    expect(outcome.kind === 'throttled' && (outcome.retryAfterMs ?? 0)).toBeGreaterThan(30_000);
  });
});

describe('a destination that cannot be reached is down, and nothing has left', () => {
  it('nobody listens', async () => {
    const receiver = await startReceiver();
    await receiver.close();
    expect(await sendOne(openSender(receiver.url))).toMatchObject({
      kind: 'down',
      failure: { errorClass: 'connection_refused' },
    });
  });

  it('no such name', async () => {
    expect(await sendOne(openSender('http://nowhere.invalid/'))).toMatchObject({
      kind: 'down',
      failure: { errorClass: 'dns', message: expect.stringContaining('nowhere.invalid') },
    });
  });

  it('no handshake within the deadline', async () => {
    const receiver = await startRawReceiver(() => undefined); // takes the bytes of TLS and says nothing
    const url = `https://127.0.0.1:${receiver.port}/`;
    expect(await sendOne(openSender(url, { timeoutMs: 300 }))).toMatchObject({
      kind: 'down',
      failure: { errorClass: 'connect_timeout' },
    });
  });

  it('an address that the guard refuses', async () => {
    const receiver = await startReceiver();
    const url = receiver.url.replace('127.0.0.1', '127.0.0.2');
    expect(await sendOne(openSender(url))).toMatchObject({
      kind: 'down',
      failure: { errorClass: 'egress_refused', message: expect.stringContaining('127.0.0.2') },
    });
  });

  it('plain HTTP where TLS is expected, and nothing goes out in clear', async () => {
    let seen = '';
    const receiver = await startRawReceiver((socket, head) => {
      seen += head;
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    });
    expect(await sendOne(openSender(`https://127.0.0.1:${receiver.port}/canary`))).toMatchObject({
      kind: 'down',
      failure: { errorClass: 'tls' },
    });
    expect(seen).not.toContain('canary');
  });

  it('a server that takes the connection and drops it before TLS', async () => {
    const receiver = await startRawReceiver(
      () => undefined,
      (socket) => socket.resetAndDestroy(),
    );
    expect(await sendOne(openSender(`https://127.0.0.1:${receiver.port}/`))).toMatchObject({ kind: 'down' });
  });
});

describe('what a failure shows', () => {
  const secretParts = ['canary-key', 'canary-query', 'canary-password', 'canary-bearer'];
  const settings = { headers: { 'x-api-key': 'canary-key', authorization: 'Bearer canary-bearer' } };
  const path = '?token=canary-query&more=canary-password';

  it('neither query nor secret, also when the receiver echoes all it got', async () => {
    const receiver = await startReceiver((request, response) => {
      const cookie = { 'set-cookie': 'session=canary-key', 'x-request-id': 'canary-bearer', date: 'today' };
      response.writeHead(400, cookie).end(JSON.stringify(request));
    });
    const outcome = await sendOne(openSender(receiver.url + path, settings), '{"note":"canary-query"}');
    const text = JSON.stringify(outcome);
    const signature = receiver.requests[0]!.headers['webhook-signature']!;
    for (const secret of [...secretParts, signature, 'session']) expect(text).not.toContain(secret);
    expect(outcome).toMatchObject({
      failure: {
        request: {
          method: 'POST',
          url: receiver.url,
          headers: {
            'x-api-key': '[secret]',
            authorization: '[secret]',
            'webhook-signature': '[secret]',
            'webhook-id': receiver.requests[0]!.headers['webhook-id'],
            'content-type': 'application/json',
          },
          body: '{"note":"[secret]"}',
          bodyBytes: 23,
          deliveries: 1,
        },
        response: {
          headers: { 'x-request-id': '[secret]', date: 'today' },
          body: expect.stringContaining('"webhook-signature":"[secret]"'),
        },
      },
    });
  });

  it('at most 4,096 bytes of what was sent and of the answer, which Postgres can keep', async () => {
    const receiver = await startReceiver((_, response) => {
      response.writeHead(500).end(`\0${'x'.repeat(4_094)}😀${'y'.repeat(9_000)}`);
    });
    const raw = JSON.stringify({ note: '😀'.repeat(5_000) });
    const outcome = await sendOne(openSender(receiver.url), raw);
    const { request, response } = (outcome.kind === 'failed' && outcome.failure) || {};
    expect(request).toMatchObject({ bodyBytes: Buffer.byteLength(raw) });
    for (const { body } of [request!, response!]) {
      expect(Buffer.byteLength(body)).toBeGreaterThan(4_000);
      expect(body.length).toBeLessThanOrEqual(4_096);
      expect(body.isWellFormed()).toBe(true);
      expect(body).not.toContain('\0');
    }
  });

  it('not the beginning of a secret at which the answer was cut', async () => {
    const receiver = await startReceiver((_, response) => {
      response.writeHead(500).end(`${'x'.repeat(4_088)}canary-key`);
    });
    const outcome = await sendOne(openSender(receiver.url, settings));
    expect(JSON.stringify(outcome)).not.toContain('canary');
    expect(JSON.stringify(outcome)).toContain('xxx[sec');
  });

  it('not the beginning of a secret at which the answer broke off', async () => {
    const receiver = await startRawReceiver((socket) => {
      socket.end('HTTP/1.1 500 No\r\ncontent-length: 99\r\n\r\nyou sent canary-k');
    });
    const outcome = await sendOne(openSender(receiver.url, settings));
    expect(outcome).toMatchObject({ failure: { response: { body: 'you sent [secret]' } } });
  });

  it('the start of a success that comes in parts, and no part of a secret', async () => {
    const receiver = await startReceiver((_, response) => {
      response.write('you sent canary-k');
      setTimeout(() => response.end('ey, thanks'), 20);
    });
    const line = expect.stringMatching(/^200 OK in \d+ ms: you sent \[secret\], thanks$/);
    expect(await sendOne(openSender(receiver.url, settings))).toEqual({ kind: 'delivered', answer: line });
  });

  it('how many events the request carried, and when it began', async () => {
    const receiver = await startReceiver((_, response) => response.writeHead(400).end('no'));
    const before = Date.now();
    const sender = openSender(receiver.url, { batchSize: 5 });
    const [outcome] = await sender.send([deliveryOf('{"a":1}'), deliveryOf('{"a":2}')], openGate);
    expect(outcome).toMatchObject({ failure: { request: { body: '[{"a":1},{"a":2}]', deliveries: 2 } } });
    const { at = '', tookMs = -1 } = (outcome?.kind === 'refused' && outcome.failure) || {};
    expect(tookMs).toBeGreaterThanOrEqual(0);
    expect(Date.parse(at)).toBeGreaterThanOrEqual(before - 1);
    expect(Date.parse(at) + tookMs).toBeLessThanOrEqual(Date.now() + 1);
  });

  it('where a redirect points, without its query, and does not go there', async () => {
    const target = await startReceiver();
    const receiver = await startReceiver((_, response) => {
      response.writeHead(302, { location: `${target.url}?session=abc` }).end();
    });
    const outcome = await sendOne(openSender(receiver.url));
    expect(outcome).toMatchObject({
      kind: 'refused',
      failure: { message: expect.stringContaining(target.url) },
    });
    expect(JSON.stringify(outcome)).not.toContain('session');
    expect(target.connections).toHaveLength(0);
  });

  it('a compressed answer is named, not unpacked', async () => {
    const receiver = await startReceiver((_, response) => {
      response.writeHead(400, { 'content-encoding': 'gzip' }).end(Buffer.from('1f8b0800', 'hex'));
    });
    expect(await sendOne(openSender(receiver.url))).toMatchObject({
      failure: { response: { body: expect.stringContaining('gzip') } },
    });
  });
});

describe('the test of a destination', () => {
  const settings = (url: string) => ({ url, secret: webhook.generated['secret']?.() });

  it('sends one signed test event and says how it went', async () => {
    const receiver = await startReceiver((_, response) => response.writeHead(202).end());
    const result = await webhook.test(settings(receiver.url), { egress: loopback });
    expect(result).toMatchObject({ ok: true, status: 202, message: expect.stringContaining('202') });
    expect(result.latencyMs).toBeGreaterThanOrEqual(0);
    expect(JSON.parse(receiver.requests[0]?.body ?? '')).toMatchObject({
      type: 'track',
      event: 'Reprise Test',
    });
    expect(receiver.requests[0]?.headers['webhook-signature']).toMatch(/^v1,/);
  });

  it('says what is wrong', async () => {
    const receiver = await startReceiver((_, response) => response.writeHead(403).end());
    expect(await webhook.test(settings(receiver.url), { egress: loopback })).toMatchObject({
      ok: false,
      status: 403,
      message: expect.stringContaining('403'),
    });
    expect(await webhook.test(settings('http://10.0.0.1/'), { egress: [] })).toMatchObject({
      ok: false,
      message: expect.stringContaining('REPRISE_EGRESS_ALLOW'),
    });
  });
});

it('a connect that never ends does not outlive the sender', async () => {
  const receiver = await startRawReceiver(() => undefined);
  const sender = openSender(`https://127.0.0.1:${receiver.port}/`);
  const pending = sendOne(sender);
  await expect.poll(() => receiver.connections.length).toBe(1);
  await sender.close();
  expect(await pending).toEqual({ kind: 'notSent' });
  await expect.poll(() => receiver.connections[0]?.destroyed).toBe(true);
});
