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

/** The members that can be read of an object that is not JSON as a whole; null: it has names that cannot. */
export function legibleMembers(text: Uint8Array): JsonObject | null {
  try {
    const members = membersOf(text).map(({ key, valueStart, valueEnd }) => [
      key,
      parseJson(text.subarray(valueStart, valueEnd)),
    ]);
    return Object.fromEntries(members.filter(([, value]) => value !== undefined)) as JsonObject;
  } catch {
    return null;
  }
}

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
