import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** The body as it came: of one that is compressed the text says nothing. */
  readonly bytes: Buffer;
}

export interface Receiver {
  readonly url: string;
  readonly port: number;
  readonly requests: Received[];
  /** Every connection that was ever accepted. */
  readonly connections: net.Socket[];
  close(): Promise<void>;
}

type Answerer = (request: Received, response: http.ServerResponse, index: number) => void;

/** An HTTP server on loopback that keeps what it got; it ends with the test. */
export async function startReceiver(answer: Answerer = (_, response) => response.end()): Promise<Receiver> {
  const requests: Received[] = [];
  const server = http.createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', () => undefined);
    incoming.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const request = {
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        headers: incoming.headers as Record<string, string>,
        body: bytes.toString(),
        bytes,
      };
      requests.push(request);
      answer(request, response, requests.length - 1);
    });
  });
  return await listening(server, requests);
}

/** A bare TCP server on loopback, for answers that no HTTP library would send. It counts a request per connection. */
export async function startRawReceiver(
  onRequest: (socket: net.Socket, head: string) => void,
  onConnect: (socket: net.Socket) => void = () => undefined,
): Promise<Receiver> {
  const requests: Received[] = [];
  const server = net.createServer((socket) => {
    onConnect(socket);
    socket.once('data', (data) => {
      const head = data.toString();
      requests.push({ method: '', path: head.split(' ')[1] ?? '', headers: {}, body: head, bytes: data });
      onRequest(socket, head);
    });
  });
  return await listening(server, requests);
}

async function listening(server: net.Server, requests: Received[]): Promise<Receiver> {
  const connections: net.Socket[] = [];
  server.on('connection', (socket: net.Socket) => {
    connections.push(socket);
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of connections) socket.destroy();
    await closed;
  };
  onTestFinished(close);
  return { url: `http://127.0.0.1:${port}/events`, port, requests, connections, close };
}
