import type { Database } from '../../db/database.ts';
import { findWriteKey, type KeyedSource } from '../../db/write-keys.ts';
import { remembered } from '../remembered.ts';

/** How long an answer about a key is trusted: a revoked key is refused within it; milliseconds. */
const trustMs = 1_000;
const maxRemembered = 10_000;
/** Longer ones are not ours and are not looked up. */
const maxKeyLength = 256;

/** Looks write keys up. @throws when Postgres is away */
export type FindSource = (key: string) => Promise<KeyedSource | null>;

/** A look-up that remembers what it found. */
export function rememberingFindSource(db: Database): FindSource {
  const find = remembered((key) => findWriteKey(db, key.toWellFormed()), { trustMs, most: maxRemembered });
  return (key) => (key.length > maxKeyLength || key.includes('\0') ? Promise.resolve(null) : find(key));
}

/**
 * The write key in an Authorization header: the user name of Basic authentication. Null where it has none, also
 * with another scheme: OAuth clients send their key in the body.
 */
export function keyOfHeader(authorization: string | undefined): string | null {
  const [key = ''] = credentialsOf(authorization)?.split(':', 1) ?? [];
  return key === '' ? null : key;
}

/**
 * What may be a write key where a client of the Track API sends `site_id:api_key`, in the order in which it is tried:
 * the API key, then the site ID, for clients that have one of the two only.
 */
export function trackKeysOf(authorization: string | undefined): string[] {
  const credentials = credentialsOf(authorization) ?? '';
  const colon = credentials.indexOf(':');
  const [siteId, apiKey] =
    colon === -1 ? [credentials, ''] : [credentials.slice(0, colon), credentials.slice(colon + 1)];
  return [apiKey, siteId].filter((key) => key !== '');
}

function credentialsOf(authorization: string | undefined): string | null {
  const encoded = /^basic\s+([a-z0-9+/=_-]+)\s*$/i.exec(authorization ?? '')?.[1];
  return encoded === undefined ? null : Buffer.from(encoded, 'base64').toString();
}
