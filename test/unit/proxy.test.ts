import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { openProxy } from '../support/proxy.ts';

/** A server that answers each piece with the same in capitals, and keeps what it was sent. */
const heard: string[] = [];
const server = createServer((socket) => {
  socket.on('error', () => undefined);
  socket.on('data', (piece: Buffer) => {
    heard.push(piece.toString());
    socket.write(piece.toString().toUpperCase());
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const proxy = await openProxy(() => (server.address() as AddressInfo).port);
afterAll(async () => {
  await proxy.close();
  server.close();
});

async function client(): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

async function asked(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [piece] = (await once(socket, 'data')) as [Buffer];
  return piece.toString();
}

test('passes everything on, and the end of each side', async () => {
  const socket = await client();
  expect(await asked(socket, 'hello')).toBe('HELLO');
  const ended = once(socket, 'close');
  socket.end();
  await ended;
});

test('a slow link delivers late and in order', async () => {
  const socket = await client();
  await proxy.become({ latencyMs: 60, jitterMs: 40 });
  const begun = performance.now();
  let got = '';
  socket.on('data', (piece: Buffer) => (got += piece.toString()));
  for (const letter of 'abcdef') {
    socket.write(letter);
    await delay(2);
  }
  while (got.length < 6) await once(socket, 'data');
  expect(got).toBe('ABCDEF');
  expect(performance.now() - begun).toBeGreaterThan(2 * 20);
  await proxy.become({});
  socket.destroy();
});

test('a silent link holds everything, and delivers it when it speaks again', async () => {
  const socket = await client();
  await proxy.become({ silent: true });
  const answer = asked(socket, 'held');
  expect(await Promise.race([answer, delay(100, 'nothing')])).toBe('nothing');
  await proxy.become({});
  expect(await answer).toBe('HELD');
  socket.destroy();
});

test('a link that is cut resets what is open and refuses what is new, until it is restored', async () => {
  const socket = await client();
  expect(await asked(socket, 'one')).toBe('ONE');
  const broken = once(socket, 'error');
  await proxy.cut();
  expect(await broken).toMatchObject([{ code: 'ECONNRESET' }]);
  await expect(client()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await proxy.become({});
  const again = await client();
  expect(await asked(again, 'two')).toBe('TWO');
  again.destroy();
});

test('an answer is lost: the request was heard, and its sender is reset', async () => {
  const [first, second] = [await client(), await client()];
  const lost = proxy.loseAnswers('commit', 1);
  expect(await asked(first, 'begin')).toBe('BEGIN');
  const broken = once(first, 'error');
  first.write('commit it');
  expect(await broken).toMatchObject([{ code: 'ECONNRESET' }]);
  await lost;
  expect(heard.at(-1)).toBe('commit it');
  expect(await asked(second, 'commit')).toBe('COMMIT'); // one only
  second.destroy();
});
