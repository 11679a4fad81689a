import type net from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { startRawReceiver, startReceiver } from '../support/receiver.ts';
import { openSender, sendOne } from '../support/webhook-sender.ts';

const deadlineMs = 400;
/** A deadline is kept when it ends the exchange at all, and not in its own time but near the deadline's. */
const slackMs = 5_000;

const ok = 'HTTP/1.1 200 OK\r\n';
const failed = (errorClass: string) => ({ kind: 'failed', failure: { errorClass } });
const delivered = expect.objectContaining({ kind: 'delivered' });

/** Writes until the other side is gone or `total` bytes are out, as fast as the other side reads. */
function flood(socket: net.Socket, total = Infinity, chunk = Buffer.alloc(65_536, 'x')): void {
  let written = 0;
  const more = () => {
    while (written < total && !socket.destroyed) {
      written += chunk.length;
      if (!socket.write(chunk)) {
        socket.once('drain', more);
        return;
      }
    }
    socket.end();
  };
  more();
}

/** Writes one byte every few milliseconds until the other side is gone. */
function trickle(socket: net.Socket): void {
  const timer = setInterval(() => socket.write('x'), 20);
  socket.on('close', () => clearInterval(timer));
}

const holds: [name: string, answer: (socket: net.Socket) => void][] = [
  ['no answer at all', () => undefined],
  ['a head that trickles', (s) => (s.write(`${ok}a: `), trickle(s))],
  ['a body that trickles', (s) => (s.write(`${ok}content-length: 1000000\r\n\r\n`), trickle(s))],
  [
    'chunks without end',
    (s) => {
      s.write(`${ok}transfer-encoding: chunked\r\n\r\n`);
      const timer = setInterval(() => s.write('1\r\nx\r\n'), 20);
      s.on('close', () => clearInterval(timer));
    },
  ],
  [
    'early hints without end',
    (s) => {
      const timer = setInterval(() => s.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 20);
      s.on('close', () => clearInterval(timer));
    },
  ],
];

describe('the deadline', () => {
  it.each(holds)('ends %s', async (_, answer) => {
    const receiver = await startRawReceiver(answer);
    const sender = openSender(receiver.url, { timeoutMs: deadlineMs });
    const startedAt = performance.now();
    expect(await sendOne(sender)).toMatchObject(failed('timeout'));
    expect(performance.now() - startedAt).toBeLessThan(deadlineMs + slackMs);
    await expect.poll(() => receiver.connections.every((connection) => connection.destroyed)).toBe(true);
  });

  it('ends a failure whose body trickles, by its status', async () => {
    const receiver = await startRawReceiver((s) => {
      s.write('HTTP/1.1 410 Gone\r\ncontent-length: 1000000\r\n\r\n');
      trickle(s);
    });
    expect(await sendOne(openSender(receiver.url, { timeoutMs: deadlineMs }))).toMatchObject({
      kind: 'gone',
    });
  });

  it('ends a request that the receiver stops reading', async () => {
    const receiver = await startRawReceiver((socket) => socket.pause());
    const sender = openSender(receiver.url, { timeoutMs: deadlineMs });
    const outcome = await sendOne(sender, JSON.stringify({ large: 'x'.repeat(30_000_000) }));
    expect(outcome).toMatchObject(failed('timeout'));
  });

  // Two deadlines race in it: on a busy machine the second may get the connection just before its own.
  it(
    'ends what waits for a busy connection, unsent, and leaves the connection to the next',
    { retry: 4 },
    async () => {
      const receiver = await startReceiver((request, response) => {
        if (request.body === '{"slow":1}') setTimeout(() => response.end(), deadlineMs * 2);
        else response.end();
      });
      const slow = openSender(receiver.url, { concurrency: 1, timeoutMs: deadlineMs });
      const [first, second] = [sendOne(slow, '{"slow":1}'), sendOne(slow, '{"n":2}')];
      expect(await first).toMatchObject(failed('timeout'));
      expect(await second).toMatchObject({
        kind: 'down',
        failure: { message: expect.stringContaining('came free') },
      });
      expect(await sendOne(slow, '{"n":3}')).toEqual(delivered);
      expect(receiver.requests.map(({ body }) => body)).toEqual(['{"slow":1}', '{"n":3}']);
    },
  );
});

describe('a body without measure', () => {
  /** What the sender's side can have taken: 64 kB read, the rest in buffers of kernel and stream. */
  const few = 16_000_000;
  const bomb = gzipSync(Buffer.alloc(200_000_000));

  it.each([
    ['300 MB of success', `${ok}content-length: 300000000\r\n\r\n`, delivered],
    ['success without end', `${ok}\r\n`, delivered],
    ['300 MB of failure', 'HTTP/1.1 500 No\r\ncontent-length: 300000000\r\n\r\n', failed('http_500')],
    ['refusal without end', 'HTTP/1.1 400 No\r\n\r\n', { kind: 'refused' }],
  ])('%s is not read to its end', async (_, head, outcome) => {
    const receiver = await startRawReceiver((socket) => {
      socket.write(head);
      flood(socket, 300_000_000);
    });
    const sender = openSender(receiver.url, { timeoutMs: 10_000 });
    expect(await sendOne(sender)).toMatchObject(outcome);
    await expect.poll(() => receiver.connections[0]?.destroyed).toBe(true);
    expect(receiver.connections[0]?.bytesWritten).toBeLessThan(few);
  });

  it.each([
    [200, delivered],
    [400, { kind: 'refused' }],
  ])('a gzip bomb with %d stays packed', async (status, outcome) => {
    const receiver = await startReceiver((_, response) => {
      response.writeHead(status, { 'content-encoding': 'gzip' }).end(bomb);
    });
    const before = process.memoryUsage().rss;
    const sender = openSender(receiver.url, { timeoutMs: 10_000 });
    expect(await sendOne(sender)).toMatchObject(outcome);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  it('a head of failure after a large request does not hang the sender', async () => {
    const receiver = await startRawReceiver((socket) => {
      socket.end('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
      socket.pause();
    });
    const sender = openSender(receiver.url, { timeoutMs: 5_000 });
    const outcome = await sendOne(sender, JSON.stringify({ large: 'x'.repeat(5_000_000) }));
    expect(outcome.kind).toMatch(/^(refused|failed)$/);
  });
});
