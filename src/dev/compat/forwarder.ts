import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** What happens to a client's requests: nothing, or to the first of its POSTs. */
export type Trouble = 'none' | 'connection-lost' | 'answer-lost';

/** Stands between a client and the server, on loopback, and makes trouble once. */
export async function startForwarder(
  target: string,
  trouble: Trouble,
): Promise<{ url: string; close(): Promise<void> }> {
  let isDue = trouble !== 'none';
  const answerOf = async (incoming: IncomingMessage) => {
    const isHit = isDue && incoming.method === 'POST';
    if (isHit) isDue = false;
    const body = await buffer(incoming);
    if (isHit && trouble === 'connection-lost') return null;
    const answer = await handOn(target, incoming, body);
    return isHit ? null : answer;
  };
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const answer = await answerOf(incoming).catch(() => null);
      if (answer === null) incoming.socket.destroy();
      else outgoing.writeHead(answer.status, answer.headers).end(answer.body);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

/** Sends a request on to `target` as it came, and waits for the whole answer. @throws when the connection breaks */
export async function handOn(
  target: string,
  { method = '', url: path = '', headers }: IncomingMessage,
  body: Buffer,
) {
  const onward = request(new URL(path, target), { method, headers });
  onward.end(body);
  const [answer] = (await once(onward, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 502, headers: answer.headers, body: await buffer(answer) };
}
