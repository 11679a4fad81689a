import { generateKeyPairSync, sign } from 'node:crypto';

/** Who makes tokens (RFC 7519) that others can check by a JSON Web Key Set (RFC 7517). */
export interface TokenIssuer {
  readonly keySet: string;
  /** @param permissions as Temporal's default claim mapper reads them: `<namespace>:<role>` or `temporal-system:<role>` */
  token(permissions: readonly string[]): string;
}

const coded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A new one, with a key of its own. @param keyId under which its key is known */
export function tokenIssuer(keyId: string): TokenIssuer {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = { ...publicKey.export({ format: 'jwk' }), kid: keyId, alg: 'RS256', use: 'sig' };
  return {
    keySet: JSON.stringify({ keys: [key] }),
    token: (permissions) => {
      const claims = { sub: 'reprise', exp: Math.floor(Date.now() / 1_000) + 3_600, permissions };
      const signed = `${coded({ alg: 'RS256', typ: 'JWT', kid: keyId })}.${coded(claims)}`;
      return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
    },
  };
}
