import type net from 'node:net';
import { describe, expect, it } from 'vitest';
import { preview, send, test } from '../support/kafka/account.ts';
import { kafkaUser } from '../support/kafka/broker.ts';
import { startRawReceiver } from '../support/receiver.ts';

// What takes connections in the place of a broker of Kafka, and what may not be asked to.

describe('an address that is not public', () => {
  it.each(['127.0.0.1', 'localhost', '2130706433', '169.254.169.254'])(
    '%s is never dialled',
    async (host) => {
      const server = await startRawReceiver(() => undefined);
      const sent = { settings: { brokers: `${host}:${server.port}` }, egress: [] };
      const [outcome] = await send(sent);
      expect(outcome).toMatchObject({ kind: 'down', failure: { errorClass: 'egress_refused' } });
      expect(await test(sent)).toMatchObject({ ok: false });
      expect(server.connections).toEqual([]);
    },
  );
});

describe('a broker that', () => {
  it.each([
    ['resets at once', (socket: net.Socket) => void socket.resetAndDestroy()],
    ['closes at once', (socket: net.Socket) => void socket.end()],
    ['says something else', (socket: net.Socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('%s is tried again', { timeout: 60_000 }, async (_, answer) => {
    const { port } = await startRawReceiver(() => undefined, answer);
    const [outcome] = await send({ port });
    expect(['failed', 'down']).toContain(outcome!.kind);
  });

  it('says nothing is given up in its time', { timeout: 100_000 }, async () => {
    const { port } = await startRawReceiver(() => undefined);
    const began = performance.now();
    const [outcome] = await send({ port });
    expect(['failed', 'down']).toContain(outcome!.kind);
    expect(performance.now() - began).toBeLessThan(90_000);
  });
});

it('a preview names the connection and opens none', async () => {
  const { port, connections } = await startRawReceiver(() => undefined);
  const [shown] = await preview({ port });
  expect(shown).toMatchObject({ requests: [], connections: [`127.0.0.1:${port}`], complete: false });
  expect(JSON.stringify(shown)).not.toContain(kafkaUser.password);
  expect(connections).toEqual([]);
});
