import { membersOf } from './json-scan.ts';
import type { JsonObject } from './rejection.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What a text says; undefined: it is not JSON in UTF-8. */
export function parseJson(text: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(text));
  } catch {
    return undefined;
  }
}

/**
 * Of an object that is not JSON as a whole, or that was cut, the members of these names that can be read. As in JSON the
 * last of a name counts, so no more are parsed than there are names, however many members the text has.
 */
export function legibleMembers(text: Uint8Array, names: readonly string[]): JsonObject {
  const places = new Map(membersOf(text).map((member) => [member.key, member]));
  const legible: [string, unknown][] = [];
  for (const name of names) {
    const place = places.get(name);
    // Nothing behind it: a number may have been longer.
    if (place === undefined || place.valueEnd === text.length) continue;
    const value = parseJson(text.subarray(place.valueStart, place.valueEnd));
    if (value !== undefined) legible.push([name, value]);
  }
  return Object.fromEntries(legible);
}

/** The members of an event that say whose it is, and which. */
export const identifyingMembers = ['userId', 'anonymousId', 'messageId'] as const;
