import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { der, oid, pem, sequence, utcTime } from './der.ts';

const day = 24 * 60 * 60_000;
const algorithm = sequence(oid('2a8648ce3d040302')); // ecdsa-with-SHA256
const yes = Buffer.from([0xff]);
const extension = (id: string, value: Buffer, critical = false) =>
  sequence(oid(id), ...(critical ? [der(0x01, yes)] : []), der(0x04, value));

interface Subject {
  readonly name: string;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
  /** How far from today's it is valid, days. */
  readonly days?: number;
}

/** A certificate (RFC 5280), valid for a day around now or around another time, of a subject, signed by an issuer. */
function certificate(subject: Subject, issuer: { readonly name: string; readonly key: KeyObject }): string {
  const named = (name: string) => sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))));
  const middle = Date.now() + (subject.days ?? 0) * day;
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    named(issuer.name),
    sequence(utcTime(new Date(middle - day)), utcTime(new Date(middle + day))),
    named(subject.name),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...subject.extensions)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', content, issuer.key));
  return pem('CERTIFICATE', sequence(content, algorithm, signature));
}

export interface Authority {
  /** What has to be trusted. */
  readonly cert: string;
  /** A key and a certificate of it for a host name. @param days 0: valid now; else about so many days from now */
  issue(host: string, days?: number): { readonly key: string; readonly cert: string };
}

/** An authority of a test's own. */
export function newAuthority(): Authority {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = { name: 'test authority', key: own.privateKey };
  const isAuthority = extension('551d13', sequence(der(0x01, yes)), true);
  // One key for all hosts: making keys is what costs.
  const shared = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = shared.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return {
    cert: certificate({ name: issuer.name, publicKey: own.publicKey, extensions: [isAuthority] }, issuer),
    issue: (host, days = 0) => {
      const names = extension('551d11', sequence(der(0x82, Buffer.from(host))));
      return {
        key,
        cert: certificate({ name: 'a host', publicKey: shared.publicKey, extensions: [names], days }, issuer),
      };
    },
  };
}
