import net from 'node:net';
import tls from 'node:tls';
import type { Outcome } from '../../../src/core/outcome.ts';
import type { Authority } from '../certificates.ts';
import { selfSigned } from '../self-signed.ts';

/** What happens to a connection before any request has come. */
export interface Door {
  readonly name: string;
  /** How deliveries may end. */
  readonly kinds: readonly Outcome['kind'][];
  /** null: nobody listens. */
  readonly open: ((raw: net.Socket, hosts: Hosts) => void) | null;
}

export interface Hosts {
  readonly authority: Authority;
  /** Is told what came in that is to be read by nobody. */
  readonly hear: (bytes: Buffer) => void;
}

/** Speaks TLS on a connection. `resetAndDestroy` of what it returns resets the connection below. */
export function speakTls(raw: net.Socket, options: tls.TLSSocketOptions): tls.TLSSocket {
  const secure = new tls.TLSSocket(raw, { isServer: true, ...options });
  secure.on('error', () => undefined);
  return Object.assign(secure, { resetAndDestroy: () => raw.resetAndDestroy() as tls.TLSSocket });
}

/** The certificate that the authority makes of whatever host is asked for. */
export function anyHost(authority: Authority, days = 0): tls.TLSSocketOptions {
  return {
    SNICallback: (host, done) => done(null, tls.createSecureContext(authority.issue(host, days))),
    secureContext: tls.createSecureContext(authority.issue('localhost', days)),
  };
}

const down = ['down'] as const;
const hearing = (raw: net.Socket, { hear }: Hosts) => raw.on('data', hear);

/** TLS that a sender must not trust. */
const untrusted = (name: string, options: (hosts: Hosts) => tls.TLSSocketOptions): Door => ({
  name,
  kinds: down,
  open: (raw, hosts) => speakTls(raw, options(hosts)).on('data', hosts.hear),
});
const only = (version: tls.SecureVersion) => (hosts: Hosts) => {
  const context = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
  const contextOf = (host: string) => tls.createSecureContext({ ...hosts.authority.issue(host), ...context });
  return {
    secureContext: contextOf('localhost'),
    SNICallback: (host: string, done: (error: null, found: tls.SecureContext) => void) =>
      done(null, contextOf(host)),
  };
};

/** A TLS record of a handshake that is announced as longer than what comes. */
const startOfRecord = Buffer.from('1603034000', 'hex');

export const doors: readonly Door[] = [
  { name: 'is not there', kinds: down, open: null },
  { name: 'takes connections and is silent', kinds: down, open: hearing },
  { name: 'resets at once', kinds: down, open: (raw) => raw.resetAndDestroy() },
  { name: 'closes at once', kinds: down, open: (raw) => raw.end() },
  {
    name: 'speaks in clear where TLS is due',
    kinds: down,
    open: (raw, hosts) => {
      hearing(raw, hosts);
      raw.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    },
  },
  {
    name: 'speaks no TLS',
    kinds: down,
    open: (raw, hosts) => hearing(raw, hosts).write(Buffer.alloc(1_000, 0xff)),
  },
  {
    name: 'begins TLS, a byte at a time',
    kinds: down,
    open: (raw, hosts) => {
      hearing(raw, hosts).write(startOfRecord);
      const dripping = setInterval(() => raw.write('\0'), 200);
      raw.on('close', () => clearInterval(dripping));
    },
  },
  untrusted('signed its certificate itself', () => ({
    secureContext: tls.createSecureContext(selfSigned('127.0.0.1')),
  })),
  untrusted('has a certificate that has run out', ({ authority }) => anyHost(authority, -30)),
  untrusted('has a certificate of days to come', ({ authority }) => anyHost(authority, 30)),
  untrusted("has another host's certificate", ({ authority }) => ({
    secureContext: tls.createSecureContext(authority.issue('another.example.com')),
  })),
  untrusted('speaks TLS 1.0', only('TLSv1')),
  untrusted('speaks TLS 1.1', only('TLSv1.1')),
  {
    name: 'resets after the handshake',
    kinds: ['down', 'failed'],
    open: (raw, { authority }) => {
      const secure = speakTls(raw, anyHost(authority));
      secure.on('secure', () => raw.resetAndDestroy());
    },
  },
  {
    name: 'reads nothing after the handshake',
    kinds: ['failed'],
    open: (raw, { authority }) => {
      const secure = speakTls(raw, anyHost(authority));
      secure.on('secure', () => raw.pause());
    },
  },
];
