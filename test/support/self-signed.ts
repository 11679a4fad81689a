import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { der, oid, pem, sequence, utcTime } from './der.ts';

/**
 * A fresh key and a certificate for an IPv4 address that it signs itself (RFC 5280): one that nobody trusts unless told
 * to.
 * @param days how long it is still valid; less than 0: for so long it has been no more
 */
export function selfSigned(address: string, days = 1): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(oid('2a8648ce3d040302')); // ecdsa-with-SHA256
  const name = sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(address)))));
  const ip = der(0x87, Buffer.from(address.split('.').map(Number)));
  const alternativeName = sequence(oid('551d11'), der(0x04, sequence(ip)));
  const day = 24 * 60 * 60_000;
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name,
    sequence(
      utcTime(new Date(Date.now() + Math.min(0, days) * day - day)),
      utcTime(new Date(Date.now() + days * day)),
    ),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(alternativeName)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', toBeSigned, privateKey));
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: pem('CERTIFICATE', sequence(toBeSigned, algorithm, signature)),
  };
}
