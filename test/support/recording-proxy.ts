import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { afterAll } from 'vitest';
import { handOn } from '../../src/dev/compat/forwarder.ts';

/** A request as a client wrote it. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Unpacked. */
  readonly body: string;
}

export interface RecordingProxy {
  readonly url: string;
  /** What was handed on. */
  readonly requests: readonly RecordedRequest[];
  /** Breaks the connection of every request that it is true for, from now on. */
  cut(whether: (request: RecordedRequest) => boolean): void;
  /** Breaks the connections of the next so many POSTs when they have been answered, before the client knows. */
  loseAnswers(count: number): void;
}

/** Hands every request on to `target` as it is, and keeps a copy: for clients that do not tell what they send. */
export async function recordingProxy(target: string): Promise<RecordingProxy> {
  const requests: RecordedRequest[] = [];
  let lost = 0;
  let isCut: (request: RecordedRequest) => boolean = () => false;
  const server = createServer((incoming, outgoing) => {
    void (async (): Promise<unknown> => {
      const { method = '', url: path = '', headers } = incoming;
      const body = await buffer(incoming);
      const text = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      const recorded = { method, path, headers, body: text.toString() };
      if (isCut(recorded)) return incoming.socket.destroy();
      requests.push(recorded);
      const answer = await handOn(target, incoming, body);
      if (method === 'POST' && lost-- > 0) return incoming.socket.destroy();
      return outgoing.writeHead(answer.status, answer.headers).end(answer.body);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => server.close());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    cut: (whether) => {
      isCut = whether;
    },
    loseAnswers: (count) => {
      lost = count;
    },
  };
}
