import { once } from 'node:events';
import { createServer, type Server, type ServerOptions } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished, expect, test } from 'vitest';
import { answerUnreadable } from '../../src/api/refused-connection.ts';
import { testDatabase } from '../support/database.ts';
import { archivedOf, basic, newKey, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });
const port = Number(new URL(url).port);

/** A connection whose own side stays open until the test ends it. */
async function open(to = port): Promise<Socket> {
  const socket = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

interface Said {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Everything that came over a connection until its other side closed it. */
async function answersOf(socket: Socket): Promise<Said[]> {
  let rest = await text(socket);
  const answers: Said[] = [];
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n');
    const [first = '', ...lines] = rest.slice(0, end).split('\r\n');
    const pairs = lines.map((line) => line.split(': ') as [string, string]);
    const headers = Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));
    const bodyEnd = end + 4 + Number(headers['content-length'] ?? 0);
    answers.push({ status: Number(first.split(' ')[1]), headers, body: rest.slice(end + 4, bodyEnd) });
    rest = rest.slice(bodyEnd);
  }
  return answers;
}

/** Sends these bytes; what was answered. */
async function said(bytes: string | Buffer): Promise<Said[]> {
  const socket = await open();
  socket.write(bytes);
  return await answersOf(socket);
}

function expectRefusal(answer: Said | undefined, status: number, code: string, why: string): void {
  expect(answer?.status, why).toBe(status);
  expect(JSON.parse(answer!.body), why).toEqual({
    code,
    message: expect.stringMatching(/.{10}/) as string,
  });
  expect(answer!.headers, why).toMatchObject({
    'content-type': 'application/json',
    'access-control-expose-headers': 'Retry-After, X-RateLimit-Reset',
  });
  expect(answer!.headers['access-control-allow-origin'], why).toBeDefined();
}

const post = (authorization: string, more = '') =>
  `POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nOrigin: https://shop.example\r\n${more}`;
const event = '{"event":"e","userId":"u"}';

type Sent = readonly [name: string, bytes: string | Buffer];
const malformed: readonly Sent[] = [
  ['words', 'hello there\r\n\r\n'],
  ['a greeting of TLS', Buffer.from('16030100c8010000c40303', 'hex')],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a version that does not exist', 'GET /v1/m HTTP/9.9\r\nHost: x\r\n\r\n'],
  ['a method that does not exist', 'FLY /v1/m HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a header without a colon', 'POST /v1/m HTTP/1.1\r\nHost: x\r\nhello\r\n\r\n'],
  ['NUL in a header', 'POST /v1/m HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n'],
  ['a length that is none', 'POST /v1/m HTTP/1.1\r\nHost: x\r\nContent-Length: two\r\n\r\n'],
  ['two lengths', 'POST /v1/m HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
  [
    'a length and chunks',
    'POST /v1/m HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
];
const tooLarge: readonly Sent[] = [
  ['a header of 200 KB', `GET /v1/m HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(200_000)}`],
  ['an address of 200 KB', `GET /${'x'.repeat(200_000)}`],
];

async function expectClosed([name, bytes]: Sent, status: number, code: string): Promise<void> {
  const answers = await said(bytes);
  expect(answers).toHaveLength(1);
  expectRefusal(answers[0], status, code, name);
  expect(answers[0]!.headers).toMatchObject({ connection: 'close', 'access-control-allow-origin': '*' });
}

test.each(malformed)(
  '%s is no request: told so in the form of every refusal, and closed',
  async (...sent) => {
    await expectClosed(sent, 400, 'malformed_request');
  },
);

test.each(tooLarge)('%s is told so in the form of every refusal, and closed', async (...sent) => {
  await expectClosed(sent, 431, 'headers_too_large');
});

test('a body whose chunks cannot be read is refused to the page that sent it, and nothing of it is stored', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const head = post(basic(writeKey), 'Transfer-Encoding: chunked\r\n\r\n');
  const [bad, ...none] = await said(`${head}5\r\n{"eve\r\nzz\r\n`);
  expect(none).toEqual([]);
  expectRefusal(bad, 400, 'malformed_request', 'chunks');
  expect(bad!.headers['access-control-allow-origin']).toBe('https://shop.example');
  const [large] = await said(`${head}5;${'x'.repeat(20_000)}`);
  expectRefusal(large, 413, 'chunk_extensions_too_large', 'extensions');
  expect(await archivedOf(db, sourceId)).toEqual([]);
});

test('requests before it on the same connection are stored and answered first', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const good = `${post(basic(writeKey), `Content-Length: ${event.length}\r\n\r\n`)}${event}`;
  const answers = await said(`${good}${good}hello there\r\n\r\n`);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 400]);
  const halfway = `${post(basic(writeKey), 'Transfer-Encoding: chunked\r\n\r\n')}zz\r\n`;
  const more = await said(`${good}${halfway}`);
  expect(more.map(({ status }) => status)).toEqual([200, 400]);
  expect(await archivedOf(db, sourceId)).toHaveLength(3);
});

test('an answer that has gone out already is the only one', async () => {
  const socket = await open();
  socket.write(post(basic('nobody'), 'Transfer-Encoding: chunked\r\n\r\n5\r\n{"eve\r\n'));
  await once(socket, 'readable');
  socket.write('zz\r\n');
  expect((await answersOf(socket)).map(({ status }) => status)).toEqual([401]);
});

test('a client that goes on sending hears the answer', async () => {
  const socket = await open();
  socket.write(`hello there\r\n\r\n${'x'.repeat(1_000_000)}`);
  await once(socket, 'readable');
  socket.write('x'.repeat(1_000_000));
  const [answer] = await answersOf(socket);
  expectRefusal(answer, 400, 'malformed_request', 'much behind it');
});

test('a request without a host is refused, one with an expectation that nobody knows is taken, and both go on', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const rest = `Authorization: ${basic(writeKey)}\r\nContent-Length: ${event.length}\r\n`;
  const answers = await said(
    `POST /v1/track HTTP/1.1\r\n${rest}\r\n${event}` +
      `POST /v1/track HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n${rest}Connection: close\r\n\r\n${event}`,
  );
  expectRefusal(answers[0], 400, 'host_missing', 'without a host');
  expect(answers.map(({ status }) => status)).toEqual([400, 200]);
  expect(await archivedOf(db, sourceId)).toHaveLength(1);
});

/** A server with bounds of its own, refusing as the API does. */
async function serverWith(bounds: ServerOptions): Promise<{ server: Server; port: number }> {
  const server = createServer(
    bounds,
    (request, response) => void request.resume().on('end', () => response.end()),
  );
  answerUnreadable(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { server, port: (server.address() as AddressInfo).port };
}

test('headers that do not arrive in time are told so', async () => {
  const bounds = { headersTimeout: 100, requestTimeout: 200, connectionsCheckingInterval: 50 };
  const { port: to } = await serverWith(bounds);
  const socket = await open(to);
  socket.write('POST /v1/track HTTP/1.1\r\nHost:');
  const [answer] = await answersOf(socket);
  expectRefusal(answer, 408, 'request_timeout', 'late');
});

test('no connection is left of clients that never close theirs', async () => {
  const { server, port: to } = await serverWith({});
  for (const [, bytes] of [...malformed, ...tooLarge]) (await open(to)).write(bytes);
  for (const bytes of ['GET / HTTP/1.1\r\nHost: x\r\n\r\nzz\r\n\r\n', 'zz\r\n\r\n'.repeat(1_000)])
    (await open(to)).write(bytes);
  const left = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
  await expect.poll(left, { timeout: 10_000 }).toBe(0);
});
