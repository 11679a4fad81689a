import { elementsOf, membersOf, trimJson, type JsonElement } from './json-scan.ts';
import { isJsonObject, type JsonObject } from './rejection.ts';

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

/**
 * Reads a request that is not JSON because of some items of its `batch` alone: Python writes NaN and Infinity where it
 * should not, PHP and Ruby text in other encodings than UTF-8, and one such event should not cost the others.
 * @param maxItems more are not looked at
 * @returns what the request says, undefined in the place of each item at fault; null: the fault is elsewhere as well
 */
export function parseAroundItems(json: Uint8Array, maxItems: number): unknown {
  const items = itemsOf(json);
  if (items === null || items.length > maxItems) return null;
  const values = items.map(({ valueStart, valueEnd }) => parseJson(json.subarray(valueStart, valueEnd)));
  const [first, last] = [items[0], items.at(-1)];
  if (first === undefined || last === undefined || !values.includes(undefined)) return null;
  // The request with one item that is right in the place of all of them.
  const around = parseJson(joined(json.subarray(0, first.valueStart), zero, json.subarray(last.valueEnd)));
  const batch = isJsonObject(around) ? around['batch'] : null;
  if (!Array.isArray(batch) || batch.length !== 1) return null;
  batch.splice(0, 1, ...values);
  return around;
}

const zero = Uint8Array.of(0x30);

/** The items of the last member named `batch`, if they stand as an array's should; null: they do not. */
function itemsOf(json: Uint8Array): JsonElement[] | null {
  try {
    const batch = membersOf(json).findLast(({ key }) => key === 'batch');
    if (batch?.kind !== 'array') return null;
    const items = elementsOf(json, batch.valueStart);
    const ends = [...items.slice(1).map(({ valueStart }) => valueStart), batch.valueEnd];
    const areApart = items.every(({ valueEnd }, index) => {
      const between = trimJson(json.subarray(valueEnd, ends[index]));
      return between.length === 1 && between[0] === (index === items.length - 1 ? closeBracket : comma);
    });
    return areApart ? items : null;
  } catch {
    return null;
  }
}

const comma = 0x2c;
const closeBracket = 0x5d;

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
