import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { adminToken, testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';

const api = await testApi(await testDatabase());

test('the connection of an upload that was refused before it was whole serves the requests behind it', async () => {
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  await once(socket, 'connect');
  const heard: string[] = [];
  socket.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
  const ended = once(socket, 'close').then(() => 'closed' as const);
  const head = (request: string, more: string) =>
    `${request} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${adminToken}\r\n${more}\r\n`;
  const answers = async (count: number) => {
    while (heard.join('').match(/HTTP\/1\.1 /g)?.length !== count) await once(socket, 'data');
  };
  socket.write(head('POST /api/imports?nothing=1', 'Content-Type: text/csv\r\nContent-Length: 5\r\n'));
  await answers(1);
  expect(heard.join('')).toContain('invalid_query');
  socket.write('a,b\r\n'); // the rest of the upload, late
  socket.write(head('GET /api/replays', ''));
  await answers(2);
  // Longer than the rest of a refused upload is waited for.
  expect(await Promise.race([ended, delay(2_500, 'open')])).toBe('open');
  socket.write(head('GET /api/sources', ''));
  await answers(3);
  expect(heard.join('').match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  socket.destroy();
});
