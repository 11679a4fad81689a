import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { newAuthority } from '../certificates.ts';
import type { Hostility } from '../hostile-answers.ts';
import { anyHost, speakTls, type Door } from './doors.ts';
import { followed } from './statuses.ts';

/** Stands for every host of the world, and treats each request as the user in it wants: `hostile-7` by the seventh. */
export interface HostileServer {
  /** What has to be trusted. */
  readonly cert: string;
  /** Where the usual ports lead, as long as connections are treated so. null: they are served */
  ports(door: Door | null): [number, number][];
  /** Whether a request of a hostile user came to a host. */
  asked(user: string, host: string): boolean;
  /** Requests for a place that a redirect named. */
  readonly followedRedirects: readonly string[];
  /** Connections in clear, and what was said over connections that are not to be trusted. */
  readonly toldInClear: readonly string[];
  close(): Promise<void>;
}

const healthy = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';

/** How a user is named, so that a request of his is answered in a hostile way; others get a success. */
export const hostileUser = (index: number) => `hostile-${index}-user`;

export async function startHostileServer(answers: readonly Hostility[]): Promise<HostileServer> {
  const authority = newAuthority();
  const served = anyHost(authority);
  const requests = new Set<string>();
  const followedRedirects: string[] = [];
  const toldInClear: string[] = [];
  const sockets = new Set<net.Socket>();
  let open: NonNullable<Door['open']> = (raw) => serve(speakTls(raw, served));

  const answer = (socket: net.Socket, request: string) => {
    const host = /^host: (\S+)/im.exec(request)?.[1] ?? '';
    if (request.split('\r\n', 1)[0]!.includes(followed)) followedRedirects.push(request);
    const user = /hostile-(\d+)-user/.exec(request);
    if (user === null) return socket.write(healthy);
    requests.add(`${user[0]} ${host}`);
    return answers[Number(user[1])]!.answer(socket, request);
  };
  const serve = (socket: net.Socket) => {
    let read = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      read = Buffer.concat([read, chunk]);
      const length = lengthOf(read);
      if (length === null || read.length < length) return;
      const request = read.subarray(0, length).toString();
      read = read.subarray(length);
      answer(socket, request);
    });
  };
  const listen = async (take: (raw: net.Socket) => void) => {
    const server = net.createServer((raw) => {
      sockets.add(raw);
      raw.on('error', () => undefined).on('close', () => sockets.delete(raw));
      take(raw);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return { server, port: (server.address() as AddressInfo).port };
  };
  const hear = (bytes: Buffer) => {
    if (bytes.includes('hostile-') || bytes.includes('POST ')) toldInClear.push(bytes.toString());
  };
  const secure = await listen((raw) => open(raw, { authority, hear }));
  const plain = await listen((raw) => {
    toldInClear.push('a connection to port 80');
    raw.destroy();
  });
  const nobody = await listen(() => undefined);
  nobody.server.close();
  return {
    cert: authority.cert,
    asked: (user, host) => requests.has(`${user} ${host}`),
    followedRedirects,
    toldInClear,
    ports: (door) => {
      open = door === null ? (raw) => serve(speakTls(raw, served)) : (door.open ?? open);
      return [
        [443, door?.open === null ? nobody.port : secure.port],
        [80, plain.port],
      ];
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      for (const { server } of [secure, plain]) await once(server.close(), 'close');
    },
  };
}

/** Of the whole request, in bytes; null until its head is there. */
function lengthOf(read: Buffer): number | null {
  const head = read.indexOf('\r\n\r\n');
  if (head === -1) return null;
  const length = /^content-length: (\d+)/im.exec(read.subarray(0, head).toString())?.[1] ?? '0';
  return head + 4 + Number(length);
}
