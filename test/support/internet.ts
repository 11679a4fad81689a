import dns from 'node:dns';
import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  readonly body: string | Buffer;
}

export interface Internet {
  /** What has come in since it was asked last, in order. */
  taken(): Recorded[];
  /** Leads another port of every host to a server on loopback, which says itself what comes in. */
  lead(port: number, to: number): void;
  /** Adds what came in at such a server. */
  record(one: Recorded): void;
  close(): Promise<void>;
}

/**
 * Every host of the world on this machine: names lead to loopback, ports 80 and 443 to servers here, which have a
 * certificate for each name. What is guarded stays so, as names are resolved by Node's own look-up and ports are changed
 * below the guard. For this process, until it is closed; open it before anything is sent.
 */
export async function openInternet(
  answer: (request: Recorded) => Answer | Promise<Answer>,
): Promise<Internet> {
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
        url: `${scheme}://${incoming.headers.host ?? (incoming.headers[':authority'] as string)}${incoming.url}`,
        headers: plainHeaders(incoming.headers),
        body: Buffer.concat(chunks),
      };
      recorded.push(request);
      const give = ({ status, headers = {}, body }: Answer) =>
        response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
      const said = answer(request);
      if (said instanceof Promise) void said.then(give);
      else give(said);
    });
  };
  const secure = http2.createSecureServer(
    {
      ...authority.issue('localhost'),
      allowHTTP1: true,
      SNICallback: (host, done) => done(null, contextOf(host)),
    },
    listener as unknown as (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => void,
  );
  const sessions = new Set<http2.ServerHttp2Session>();
  secure.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  const plain = http.createServer(listener);
  const open = new Set<net.Socket>();
  for (const server of [secure, plain])
    server.on('connection', (socket: net.Socket) => {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    });
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
    lead: (port, to) => void ports.set(port, to),
    record: (one) => void recorded.push(one),
    close: async () => {
      restore();
      for (const session of sessions) session.destroy();
      for (const socket of open) socket.destroy();
      for (const server of [secure, plain]) {
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

/** Headers without those that HTTP/2 has for the first line of HTTP/1.1. */
function plainHeaders(headers: http.IncomingHttpHeaders): Record<string, string> {
  const named = Object.entries(headers).filter(([name]) => !name.startsWith(':'));
  return Object.fromEntries(named) as Record<string, string>;
}

/** By this process and by those that it starts. */
function trust(cert: string): () => void {
  const before = tls.getCACertificates('default');
  tls.setDefaultCACertificates([...before, cert]);
  const folder = mkdtempSync(join(tmpdir(), 'authority-'));
  const file = join(folder, 'cert.pem');
  writeFileSync(file, cert);
  // oxlint-disable-next-line node/no-process-env -- it is how a deployment says whom its processes trust
  process.env['NODE_EXTRA_CA_CERTS'] = file;
  return () => {
    tls.setDefaultCACertificates(before);
    // oxlint-disable-next-line node/no-process-env -- see above
    delete process.env['NODE_EXTRA_CA_CERTS'];
    rmSync(folder, { recursive: true });
  };
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
