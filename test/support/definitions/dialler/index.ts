import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';

// A definition that opens connections of its own, with each of Node's clients, for tests of what becomes of them.
interface Payload {
  readonly client: string;
  readonly host: string;
  readonly port: number;
  readonly say: string;
  /** What it does once it has been answered. */
  readonly then?: string;
}

const answerOf = async (socket: net.Socket): Promise<string> => {
  let answer = '';
  socket.on('data', (chunk) => (answer += String(chunk)));
  await once(socket, 'close');
  return answer;
};

const said = async (socket: net.Socket, { say }: Payload): Promise<string> => {
  socket.write(say);
  return await answerOf(socket);
};

/** Says that nothing more comes, before there is a connection. */
const ended = async (socket: net.Socket, { say }: Payload): Promise<string> => {
  socket.end(say);
  return await answerOf(socket);
};

const asked = async (request: http.ClientRequest, { say }: Payload): Promise<string> => {
  const [response] = (await once(request.end(say), 'response')) as [http.IncomingMessage];
  return (await response.toArray()).join('');
};

/** What became of connections after their delivery. */
const later: string[] = [];

const insecure = { rejectUnauthorized: false };
const clients: Readonly<Record<string, (payload: Payload) => Promise<string>>> = {
  net: (payload) => said(net.connect({ host: payload.host, port: payload.port }), payload),
  socket: (payload) => ended(new net.Socket().connect(payload.port, payload.host), payload),
  path: (payload) => said(net.connect(payload.host), payload),
  /** Leaves its connection open, and hears what becomes of it. */
  left: async ({ host, port, say }) => {
    const socket = net.connect({ host, port });
    socket.on('error', ({ message }) => later.push(message));
    socket.write(say);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString();
  },
  tls: (payload) => said(tls.connect(payload.port, payload.host, insecure), payload),
  'verified tls': (payload) => said(tls.connect({ host: payload.host, port: payload.port }), payload),
  http: ({ host, port, ...rest }) =>
    asked(http.request({ host, port, method: 'POST' }), { host, port, ...rest }),
  https: (payload) =>
    asked(https.request({ host: payload.host, port: payload.port, method: 'POST', ...insecure }), payload),
  http2: async ({ host, port, say }) => {
    const session = http2.connect(`https://${host.includes(':') ? `[${host}]` : host}:${port}`, insecure);
    const failed = once(session, 'error').then(([error]) => Promise.reject(error as Error));
    const stream = session.request({ ':method': 'POST' });
    stream.on('error', () => undefined);
    const answer = await Promise.race([failed, stream.end(say).toArray()]);
    failed.catch(() => undefined);
    session.close();
    return answer.join('');
  },
};

const report = () => Promise.reject(new Error(`later: ${later.join(', ')}`));

const after: Readonly<Record<string, (payload: Payload) => void>> = {
  crash: () => process.exit(3),
  reject: () => {
    for (let n = 0; n < 100; n++) void Promise.reject(new TypeError('to be awaited by nobody'));
  },
  'dial later': (payload) =>
    setTimeout(() => {
      const how = clients['net']!(payload).then(
        () => 'connected',
        (error: { readonly code?: string }) => String(error.code),
      );
      void how.then((one) => later.push(one));
    }, 10),
};

export default {
  name: 'Dialler',
  slug: 'dialler',
  mode: 'cloud',
  actions: {
    dial: {
      title: 'Dial',
      fields: Object.fromEntries(
        ['client', 'host', 'port', 'say', 'then'].map((name) => [
          name,
          { label: name, type: name === 'port' ? 'integer' : 'string' },
        ]),
      ),
      perform: async (_: unknown, { payload }: { readonly payload: Payload }) => {
        const answer = await (clients[payload.client] ?? report)(payload);
        if (answer === '') throw new Error('No answer came.');
        after[payload.then ?? '']?.(payload);
      },
    },
  },
};
