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
  /** From the first item to the last, with what stands between them. */
  readonly bytes: number;
}

/**
 * Takes a request apart that is not JSON: Python writes NaN and Infinity where it should not, PHP and Ruby text in other
 * encodings than UTF-8, templates text with quotes in it, and one such event should not cost the others.
 *
 * An item ends where its brackets do. Where its quotes or brackets do not stand as in JSON, that means nothing: a quote
 * too many turns strings and what stands between them around, up to the next one. Such an item ends at the first
 * `},{` behind which an object with a `type`, as every event has, stands like an item; without one, where its brackets
 * end if what follows an item follows there, else it cannot be told. So no event that is JSON is ever part of an item at
 * fault; two items at fault side by side may be taken as one.
 * @param maxItems more are not looked at
 * @returns null: the fault is elsewhere as well, or the items cannot be told apart
 */
export function salvageBatch(json: Uint8Array, maxItems: number): SalvagedBatch | null {
  const batch = membersOf(json).findLast(({ key }) => key === 'batch');
  if (batch?.kind !== 'array') return null;
  const items = new BatchItems(json, maxItems).from(batch.valueStart);
  const [first, last] = [items?.[0], items?.at(-1)];
  if (items === null || first === undefined || last === undefined) return null;
  if (items.every(({ value }) => value !== undefined)) return null;
  const around = joined(json.subarray(0, first.start), zero, json.subarray(last.end));
  const value = parseJson(around);
  const values = isJsonObject(value) ? value['batch'] : null;
  if (!isJsonObject(value) || !Array.isArray(values) || values.length !== 1) return null;
  values.splice(0, 1, ...items.map((item) => item.value));
  const texts = items.map(({ start, end }) => json.subarray(start, end));
  return { value, around, items: texts, bytes: last.end - first.start };
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

/** Finds the items of one batch. Places are searched as often as there may be items, and a few times its length. */
class BatchItems {
  readonly #json: Uint8Array;
  /** A character for each byte. */
  readonly #text: string;
  readonly #maxItems: number;
  #searches: number;
  #bytes: number;

  constructor(json: Uint8Array, maxItems: number) {
    this.#json = json;
    this.#text = latin1.decode(json);
    this.#maxItems = this.#searches = maxItems;
    this.#bytes = 8 * json.length;
  }

  /** @param open where the batch's bracket stands @returns null where they do not stand as an array's should */
  from(open: number): readonly Item[] | null {
    const items: Item[] = [];
    for (let at = open; ; at = skipWhitespace(this.#json, items.at(-1)!.end)) {
      if (at !== open && this.#json[at] === closeBracket) return items;
      if (at !== open && this.#json[at] !== comma) return null;
      const item = this.#itemAt(skipWhitespace(this.#json, at + 1));
      if (item === null || items.push(item) > this.#maxItems) return null;
    }
  }

  #itemAt(start: number): Item | null {
    const end = endOfValue(this.#json, start);
    const value = parseJson(this.#json.subarray(start, end));
    if (value !== undefined) return { start, end, value };
    if (end === start || !this.#spend(end - start)) return null;
    if (isWellPlaced(this.#text.slice(start, end))) return { start, end, value };
    const isEnd = this.#isBetween(end);
    const cut = this.#beforeNeighbour(start, isEnd ? end : this.#json.length) ?? (isEnd ? end : null);
    return cut === null || this.#isSpent() ? null : { start, end: cut, value };
  }

  /** Behind the `}` of the first `},{` that an event that is JSON follows. */
  #beforeNeighbour(from: number, to: number): number | null {
    const seams = /\}[ \t\r\n]*,[ \t\r\n]*(?=\{)/g;
    seams.lastIndex = from;
    for (let seam = seams.exec(this.#text); seam !== null && seam.index < to; seam = seams.exec(this.#text)) {
      const start = seam.index + seam[0].length;
      const end = endOfValue(this.#json, start);
      if (!this.#spend(end - start, 1)) return null;
      if (!this.#isBetween(end)) continue;
      const value = parseJson(this.#json.subarray(start, end));
      if (isJsonObject(value) && typeof value['type'] === 'string') return seam.index + 1;
    }
    this.#spend(to - from);
    return null;
  }

  /** Whether there is as much left to look at; without it nothing is found any more. */
  #spend(bytes: number, searches = 0): boolean {
    this.#bytes -= bytes;
    this.#searches -= searches;
    return !this.#isSpent();
  }

  #isSpent(): boolean {
    return this.#bytes < 0 || this.#searches < 0;
  }

  /** Whether what follows is what follows an item. */
  #isBetween(end: number): boolean {
    const next = this.#json[skipWhitespace(this.#json, end)];
    return next === comma || next === closeBracket;
  }
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
