import dns from 'node:dns';
import https from 'node:https';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import { newAuthority } from './certificates.ts';

/** A request as it came in, for whichever host. */
export interface Recorded {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Internet {
  /** What has come in since it was asked last, in order. */
  taken(): Recorded[];
  close(): Promise<void>;
}

/**
 * Every host of the world on this machine: names lead to loopback, ports 80 and 443 to servers here, which have a
 * certificate for each name. What is guarded stays so, as names are resolved by Node's own look-up and ports are changed
 * below the guard. For this process, until it is closed; open it before anything is sent.
 */
export async function openInternet(answer: (request: Recorded) => Answer): Promise<Internet> {
  const authority = newAuthority();
  const contexts = new Map<string, tls.SecureContext>();
  const contextOf = (host: string) => {
    const known = contexts.get(host) ?? tls.createSecureContext(authority.issue(host));
    contexts.set(host, known);
    return known;
  };
  let recorded: Recorded[] = [];
  const listener: http.RequestListener = (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const scheme = incoming.socket instanceof tls.TLSSocket ? 'https' : 'http';
      const request: Recorded = {
        method: incoming.method ?? '',
        url: `${scheme}://${incoming.headers.host}${incoming.url}`,
        headers: incoming.headers as Record<string, string>,
        body: Buffer.concat(chunks),
      };
      recorded.push(request);
      const { status, headers = {}, body } = answer(request);
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    });
  };
  const secure = https.createServer(
    { ...authority.issue('localhost'), SNICallback: (host, done) => done(null, contextOf(host)) },
    listener,
  );
  const plain = http.createServer(listener);
  for (const server of [secure, plain]) await once(server.listen(0, '127.0.0.1'), 'listening');
  const portOf = (server: net.Server) => (server.address() as AddressInfo).port;
  const ports = new Map([
    [443, portOf(secure)],
    [80, portOf(plain)],
  ]);
  const restore = divert(authority.cert, ports);
  return {
    taken: () => {
      const all = recorded;
      recorded = [];
      return all;
    },
    close: async () => {
      restore();
      for (const server of [secure, plain]) {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      }
    },
  };
}

/**
 * Has every name of this process lead to loopback, and these ports to others there. @param cert is trusted beside those
 * that are already @param ports from -> to, looked up at each connection @returns undoes it
 */
export function divert(cert: string, ports: Map<number, number>): () => void {
  const restore = [trust(cert), resolveAll(), movePorts(ports)];
  return () => {
    for (const undo of restore) undo();
  };
}

function trust(cert: string): () => void {
  const before = tls.getCACertificates('default');
  tls.setDefaultCACertificates([...before, cert]);
  return () => tls.setDefaultCACertificates(before);
}

function resolveAll(): () => void {
  const before = dns.lookup;
  const lookup = (_host: string, options: dns.LookupOptions, callback: (...found: unknown[]) => void) => {
    const address = { address: '127.0.0.1', family: 4 };
    process.nextTick(() =>
      options.all === true ? callback(null, [address]) : callback(null, address.address, 4),
    );
  };
  Object.assign(dns, { lookup });
  return () => void Object.assign(dns, { lookup: before });
}

function movePorts(ports: Map<number, number>): () => void {
  const prototype = net.Socket.prototype as { connect: (...args: unknown[]) => net.Socket };
  const before = prototype.connect;
  prototype.connect = function moved(this: net.Socket, ...args) {
    const [first] = args;
    const options = (Array.isArray(first) ? first[0] : first) as { port?: number | string };
    const port = typeof options === 'object' ? ports.get(Number(options.port)) : undefined;
    if (port === undefined) return before.apply(this, args);
    const other = Object.assign(Object.create(options) as object, { port });
    return before.call(this, Array.isArray(first) ? [other, first[1]] : other, ...args.slice(1));
  };
  return () => {
    // Whoever wrapped it meanwhile keeps calling it; without ports it changes nothing.
    ports.clear();
  };
}
