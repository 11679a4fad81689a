import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

/** What it says in the place of what is so. */
export interface Lies {
  /** Where the broker is that has all topics. */
  readonly host?: string;
  readonly port?: number;
  /** Why nobody is let in; absent: everybody is. @param sent what it was shown: user and password */
  readonly refuses?: (sent: string) => string;
  /** What each topic is called. @param asked what it was asked for */
  readonly topic?: (asked: string) => string;
}

export interface LyingBroker {
  readonly port: number;
  lies: Lies;
  /** How often it has told where the broker is. */
  readonly told: number;
  close(): void;
}

const [metadata, handshake, versions, authenticate] = [3, 17, 18, 36];
/** https://kafka.apache.org/protocol#protocol_error_codes */
const authenticationFailed = 58;

const int16 = (value: number) => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
const int32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const text = (value: string) => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
const list = (...items: readonly Buffer[]) => Buffer.concat([int32(items.length), ...items]);
const none = int16(-1);

/**
 * Speaks Kafka's protocol as far as a producer needs it to learn where its brokers are, and says what it was told to. No
 * real broker does; it stands until it is closed. @see https://kafka.apache.org/protocol
 */
export async function startLyingBroker(): Promise<LyingBroker> {
  const sockets = new Set<net.Socket>();
  let told = 0;
  const broker = {
    port: 0,
    lies: {} as Lies,
    get told() {
      return told;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', () => undefined);
    let held = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 4 && held.length >= 4 + held.readInt32BE(0)) {
        const request = held.subarray(4, 4 + held.readInt32BE(0));
        held = held.subarray(4 + request.length);
        if (request.readInt16BE(0) === metadata) told += 1;
        const said = Buffer.concat([request.subarray(4, 8), answerTo(request, broker.lies)]);
        socket.write(Buffer.concat([int32(said.length), said]));
      }
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  broker.port = (server.address() as AddressInfo).port;
  return broker;
}

function answerTo(request: Buffer, { host = '', port = 9_092, refuses, topic = String }: Lies): Buffer {
  const key = request.readInt16BE(0);
  const body = request.subarray(10 + Math.max(0, request.readInt16BE(8)));
  if (key === versions) {
    const known = [
      [0, 0, 3],
      [metadata, 0, 1],
      [handshake, 0, 1],
      [versions, 0, 2],
      [authenticate, 0, 0],
    ].map((one) => Buffer.concat(one.map(int16)));
    return Buffer.concat([int16(0), list(...known), int32(0)]);
  }
  if (key === handshake) return Buffer.concat([int16(0), list(text('PLAIN'))]);
  if (key === authenticate) {
    const sent = body.subarray(4).toString();
    const why = refuses?.(sent);
    return why === undefined
      ? Buffer.concat([int16(0), none, int32(0)])
      : Buffer.concat([int16(authenticationFailed), text(why), int32(0)]);
  }
  const asked = body.subarray(6, 6 + body.readInt16BE(4)).toString();
  const partition = Buffer.concat([int16(0), int32(0), int32(7), list(int32(7)), list(int32(7))]);
  return Buffer.concat([
    list(Buffer.concat([int32(7), text(host), int32(port), none])),
    int32(7),
    list(Buffer.concat([int16(0), text(topic(asked)), Buffer.from([0]), list(partition)])),
  ]);
}
