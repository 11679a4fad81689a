import { maskedFql } from '../../core/fql/masked.ts';
import { addressOnly, masked, withoutPaths } from './mask-urls.ts';

/** Members whose values are secret, with everything below them. */
const secret = /secret|token$|password|authorization|credential|cookie|key$|^(settings|headers|generated)$/i;
/** Members that say who somebody is, or what he did: an append-only log could not forget them. */
const personal =
  /^(userId|anonymousId|previousId|users?|email|traits|properties|samples|raw|context|reason)$/i;
/** Members that are addresses, or were meant to be. */
const addresses = /(?:url|uri|endpoint)$/i;
/** FQL, in which the values may be personal. */
const filters = /^(filter|fql|trigger)$/;
/** Longer ones, as JSON, are left out. */
const maxLength = 16_384;

/**
 * A value of JSON as the audit log keeps it: secrets and what is personal masked, names of settings kept. Of an address
 * only its server is left, as the rest may hold a key.
 */
export function maskForAudit(value: unknown): unknown {
  const mask = maskIn(value, false);
  const length = JSON.stringify(mask)?.length ?? 0;
  return length <= maxLength ? mask : { leftOut: `${length} characters` };
}

function maskIn(value: unknown, hidden: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => maskIn(item, hidden));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        withoutPaths(name),
        typeof member === 'string' && filters.test(name)
          ? maskedFql(member, withoutPaths)
          : maskIn(
              typeof member === 'string' && addresses.test(name) ? addressOnly(member) : member,
              hidden || secret.test(name) || personal.test(name) || isEvent(name, member),
            ),
      ]),
    );
  }
  if (value === null || value === undefined) return value;
  if (hidden) return masked;
  return typeof value === 'string' ? withoutPaths(value) : value;
}

/** An event as a whole: whatever its members are called, it may say something of somebody. */
const isEvent = (name: string, value: unknown) => name === 'event' && typeof value === 'object';
