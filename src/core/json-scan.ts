/**
 * Where the values of a JSON text stand, by byte. It reads UTF-8 bytes that JSON.parse has accepted already, so it
 * checks nothing and only finds places; a text that was not validated gives places without meaning.
 */

export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';

/** A value's bytes, from `valueStart` up to but not including `valueEnd`, without whitespace around them. */
export interface JsonElement {
  readonly valueStart: number;
  readonly valueEnd: number;
  readonly kind: JsonKind;
}

export interface JsonMember extends JsonElement {
  /** Decoded: escapes are resolved. */
  readonly key: string;
  /** The byte of the key's opening quote. */
  readonly keyStart: number;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const space = 0x20;
/** Bytes that are looked at one by one before a search is worth its call: most strings are short, some are texts. */
const nearby = 64;
/** Brackets and braces differ in this bit alone, so one comparison finds both. */
const caseBit = 0x20;

const decoder = new TextDecoder();

/** The members of the object that begins at byte `start` (or after whitespace there), in the order of the text. */
export function membersOf(json: Uint8Array, start = 0): JsonMember[] {
  const members: JsonMember[] = [];
  let at = skipWhitespace(json, skipWhitespace(json, start) + 1);
  while (json[at] === quote) {
    const keyStart = at;
    const keyEnd = endOfString(json, at);
    const valueStart = skipWhitespace(json, skipWhitespace(json, keyEnd) + 1);
    const valueEnd = endOfValue(json, valueStart);
    members.push({
      key: keyText(json, keyStart + 1, keyEnd - 1),
      keyStart,
      valueStart,
      valueEnd,
      kind: kindAt(json, valueStart),
    });
    at = skipWhitespace(json, valueEnd);
    if (json[at] === comma) at = skipWhitespace(json, at + 1);
  }
  return members;
}

/** The elements of the array that begins at byte `start` (or after whitespace there), in order. */
export function elementsOf(json: Uint8Array, start = 0): JsonElement[] {
  const elements: JsonElement[] = [];
  let at = skipWhitespace(json, skipWhitespace(json, start) + 1);
  while (at < json.length && json[at] !== closeBracket) {
    const valueEnd = endOfValue(json, at);
    elements.push({ valueStart: at, valueEnd, kind: kindAt(json, at) });
    at = skipWhitespace(json, valueEnd);
    if (json[at] === comma) at = skipWhitespace(json, at + 1);
  }
  return elements;
}

/**
 * How deep objects and arrays are nested; a scalar has depth 0. Counting stops above `limit`. Any bytes may be given,
 * so it can stand in front of a parser: JSON.parse takes depths at which JSON.stringify and Postgres fail.
 */
export function depthOf(json: Uint8Array, limit: number): number {
  const length = json.length;
  let depth = 0;
  let deepest = 0;
  let at = 0;
  while (at < length) {
    const byte = json[at++] ?? 0;
    if (byte === quote) {
      at = endOfString(json, at - 1);
    } else if ((byte | caseBit) === openBrace) {
      if (++depth > deepest) deepest = depth;
      if (deepest > limit) return deepest;
    } else if ((byte | caseBit) === closeBrace) {
      depth--;
    }
  }
  return deepest;
}

/** The text without the whitespace around it. The bytes are shared, not copied. */
export function trimJson(json: Uint8Array): Uint8Array {
  let end = json.length;
  while (end > 0 && isWhitespace(json[end - 1])) end--;
  return json.subarray(Math.min(skipWhitespace(json, 0), end), end);
}

/** Text without the byte order mark that files from Windows, and some clients, begin with. */
export function withoutByteOrderMark<Bytes extends Uint8Array>(text: Bytes): Bytes {
  const hasMark = text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf;
  return hasMark ? (text.subarray(3) as Bytes) : text;
}

/** Whether a byte is whitespace of JSON: space, tab, line feed or carriage return. */
export function isWhitespace(byte: number | undefined): boolean {
  return byte === space || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** The first place from `at` on that is no whitespace. */
export function skipWhitespace(json: Uint8Array, at: number): number {
  while (isWhitespace(json[at])) at++;
  return at;
}

/** `at` is the opening quote; the answer is the byte behind the closing one. */
function endOfString(json: Uint8Array, at: number): number {
  for (let from = at; ;) {
    const near = Math.min(json.length, from + nearby);
    let end = from + 1;
    while (end < near) {
      const byte = json[end++];
      if (byte === quote) return end;
      if (byte === backslash) end++;
    }
    if (end >= json.length) return end;
    const found = json.indexOf(quote, end);
    if (found === -1) return json.length;
    if (!isEscaped(json, found, end)) return found + 1;
    from = found; // after an escape there may be many: byte by byte again
  }
}

/** Whether the quote at a place of a string has a backslash of its own. @param from a place that no escape reaches over */
function isEscaped(json: Uint8Array, at: number, from: number): boolean {
  let first = at;
  while (first > from && json[first - 1] === backslash) first--;
  return (at - first) % 2 === 1;
}

/** The place behind the value that begins at `at`; `at` itself where none does. */
export function endOfValue(json: Uint8Array, at: number): number {
  const first = json[at];
  if (first === quote) return endOfString(json, at);
  if (first === openBrace || first === openBracket) return endOfNested(json, at);
  let end = at;
  while (end < json.length && !endsScalar(json[end])) end++;
  return end;
}

function endOfNested(json: Uint8Array, at: number): number {
  const length = json.length;
  let depth = 0;
  let end = at;
  while (end < length) {
    const byte = json[end++] ?? 0;
    if (byte === quote) end = endOfString(json, end - 1);
    else if ((byte | caseBit) === openBrace) depth++;
    else if ((byte | caseBit) === closeBrace && --depth === 0) break;
  }
  return end;
}

function endsScalar(byte: number | undefined): boolean {
  return byte === comma || byte === closeBrace || byte === closeBracket || isWhitespace(byte);
}

function kindAt(json: Uint8Array, at: number): JsonKind {
  switch (json[at]) {
    case openBrace:
      return 'object';
    case openBracket:
      return 'array';
    case quote:
      return 'string';
    case 0x74: // t
    case 0x66: // f
      return 'boolean';
    case 0x6e: // n
      return 'null';
    default:
      return 'number';
  }
}

function keyText(json: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) {
    const byte = json[at] ?? 0;
    if (byte === backslash || byte > 0x7e) return decodedKey(json, start, end);
    text += String.fromCharCode(byte);
  }
  return text;
}

const stringPattern = /^"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"$/;

/** A text that is not JSON may have keys that cannot be decoded: they stay as they are. */
function decodedKey(json: Uint8Array, start: number, end: number): string {
  const text = decoder.decode(json.subarray(start - 1, end + 1));
  return stringPattern.test(text) ? (JSON.parse(text) as string) : text;
}
