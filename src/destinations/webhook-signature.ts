import { createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';

// Standard Webhooks 1.0.0, symmetric signatures.

const prefix = 'whsec_';
const leastBytes = 24;
const mostBytes = 64;

/** A fresh secret in the standard's form, 32 random bytes. */
export function newWebhookSecret(): string {
  return prefix + randomBytes(32).toString('base64');
}

/** What is wrong with a list of secrets between spaces, the newest first; null when nothing is. */
export function webhookSecretProblem(list: string): string | null {
  const usable = list.split(' ').every((secret) => {
    const bytes = keyBytes(secret);
    const written = secret.startsWith(prefix) && prefix + bytes.toString('base64') === secret;
    return written && bytes.length >= leastBytes && bytes.length <= mostBytes;
  });
  return usable
    ? null
    : `A secret is ${prefix} and ${leastBytes} to ${mostBytes} bytes in base64; several, during a rotation, stand between single spaces.`;
}

/** The keys of a list of secrets that has no problem. */
export function webhookKeys(list: string): readonly KeyObject[] {
  return list.split(' ').map((secret) => createSecretKey(keyBytes(secret)));
}

/**
 * Signs `id.timestamp.body` with every key, so that a receiver may hold the new secret or still the old one.
 * @param timestamp seconds since 1970, of this attempt
 * @returns the value of `webhook-signature`
 */
export function webhookSignature(
  keys: readonly KeyObject[],
  id: string,
  timestamp: number,
  body: Uint8Array,
): string {
  const head = `${id}.${timestamp}.`;
  return keys
    .map((key) => `v1,${createHmac('sha256', key).update(head).update(body).digest('base64')}`)
    .join(' ');
}

function keyBytes(secret: string): Buffer {
  return Buffer.from(secret.slice(prefix.length), 'base64');
}
