import { endOfValue, membersOf, skipWhitespace } from './json-scan.ts';
import { parseJson } from './malformed-json.ts';
import { isWellPlaced } from './misquoted-json.ts';
import { isJsonObject, type JsonObject } from './rejection.ts';

/** A request that is not JSON because of some items of its `batch` alone. */
export interface SalvagedBatch {
  /** What it says; undefined in the place of each item at fault. */
  readonly value: JsonObject;
  /** Its text with a 0 in the place of all items: JSON. */
  readonly around: Uint8Array;
  /** The items as they were sent. */
  readonly items: readonly Uint8Array[];
  /** How long the array is, brackets and all. */
  readonly bytes: number;
}

/**
 * Takes a request apart that is not JSON: Python writes NaN and Infinity where it should not, PHP and Ruby text in other
 * encodings than UTF-8, and one such event should not cost the others.
 *
 * An item ends where its brackets do. Where its quotes or brackets do not stand as in JSON that means nothing: a quote too
 * many turns strings and what stands between them around, and events behind it would be taken for a part of it. Then the
 * items cannot be told apart.
 * @param maxItems more are not looked at
 * @returns null: the fault is elsewhere as well, or the items cannot be told apart
 */
export function salvageBatch(json: Uint8Array, maxItems: number): SalvagedBatch | null {
  const batch = membersOf(json).findLast(({ key }) => key === 'batch');
  if (batch?.kind !== 'array') return null;
  const items = itemsOf(json, batch.valueStart, maxItems);
  const [first, last] = [items?.[0], items?.at(-1)];
  if (items === null || first === undefined || last === undefined) return null;
  if (items.every(({ value }) => value !== undefined)) return null;
  const around = joined(json.subarray(0, first.start), zero, json.subarray(last.end));
  const value = parseJson(around);
  const values = isJsonObject(value) ? value['batch'] : null;
  if (!isJsonObject(value) || !Array.isArray(values) || values.length !== 1) return null;
  values.splice(0, 1, ...items.map((item) => item.value));
  const texts = items.map(({ start, end }) => json.subarray(start, end));
  const bytes = skipWhitespace(json, last.end) + 1 - batch.valueStart;
  return { value, around, items: texts, bytes };
}

interface Item {
  readonly start: number;
  readonly end: number;
  /** Undefined: it is not JSON. */
  readonly value: unknown;
}

const comma = 0x2c;
const closeBracket = 0x5d;
const zero = Uint8Array.of(0x30);
const latin1 = new TextDecoder('latin1');

/** @param open where the array's bracket stands @returns null where they do not stand as an array's should */
function itemsOf(json: Uint8Array, open: number, maxItems: number): readonly Item[] | null {
  const items: Item[] = [];
  for (let at = open; items.length <= maxItems; at = skipWhitespace(json, items.at(-1)!.end)) {
    if (at !== open && json[at] === closeBracket) return items;
    if (at !== open && json[at] !== comma) return null;
    const item = itemAt(json, skipWhitespace(json, at + 1));
    if (item === null) return null;
    items.push(item);
  }
  return null;
}

function itemAt(json: Uint8Array, start: number): Item | null {
  const end = endOfValue(json, start);
  const text = json.subarray(start, end);
  const value = parseJson(text);
  if (value === undefined && (end === start || !isWellPlaced(latin1.decode(text)))) return null;
  return { start, end, value };
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
