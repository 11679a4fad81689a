import { elementsOf, membersOf, type JsonMember } from '../../../core/json-scan.ts';
import { isJsonObject, type JsonObject } from '../../../core/rejection.ts';

/** A JSON object of a request, as it was sent and as parsed. */
export interface Part {
  readonly json: Uint8Array;
  readonly value: JsonObject;
  /** Of members with the same name only the last one counts, as for JSON.parse. */
  readonly members: ReadonlyMap<string, JsonMember>;
}

/** JSON text: bytes as they were sent, or text of ours. */
export type Piece = string | Uint8Array;

/** A member of an object that is written; null: it is left out. */
export type Entry = readonly [key: string, value: Piece | null];

/** @param json valid JSON in UTF-8 @returns null when it is no object */
export function partOf(json: Uint8Array, value: unknown): Part | null {
  if (!isJsonObject(value)) return null;
  return { json, value, members: new Map(membersOf(json).map((member) => [member.key, member])) };
}

/** A member's value as it was sent. */
export function sliceOf(part: Part, key: string): Uint8Array | null {
  const member = part.members.get(key);
  return member === undefined ? null : part.json.subarray(member.valueStart, member.valueEnd);
}

/** A member that is an object. */
export function partAt(part: Part, key: string): Part | null {
  const json = sliceOf(part, key);
  return json === null ? null : partOf(json, part.value[key]);
}

/** The objects of a member that is an array of nothing else; null when it is anything else. */
export function partsAt(part: Part, key: string): Part[] | null {
  const json = sliceOf(part, key);
  const values = part.value[key];
  if (json === null || !Array.isArray(values)) return null;
  const parts = elementsOf(json).map(({ valueStart, valueEnd }, index) =>
    partOf(json.subarray(valueStart, valueEnd), values[index]),
  );
  return parts.every((each) => each !== null) ? parts : null;
}

/** The members that are none of these, each as it was sent: `"key":value`. */
export function otherMembers(part: Part, names: ReadonlySet<string>): Uint8Array[] {
  return [...part.members.values()]
    .filter(({ key }) => !names.has(key))
    .map(({ keyStart, valueEnd }) => part.json.subarray(keyStart, valueEnd));
}

/** Writes an object. @param members `"key":value`, behind the entries */
export function objectText(entries: readonly Entry[], members: readonly Piece[] = []): Uint8Array {
  return Buffer.concat([Buffer.from('{'), joined(entries, members), Buffer.from('}')]);
}

/** An object as it was sent, with more members behind its own; without it an object of these alone. */
export function extended(part: Part | null, entries: readonly Entry[]): Uint8Array {
  if (part === null || part.members.size === 0) return objectText(entries);
  const more = joined(entries, []);
  if (more.length === 0) return part.json;
  return Buffer.concat([part.json.subarray(0, -1), Buffer.from(','), more, Buffer.from('}')]);
}

function joined(entries: readonly Entry[], members: readonly Piece[]): Buffer {
  const pieces: Buffer[] = [];
  const add = (...texts: Piece[]) => {
    if (pieces.length > 0) pieces.push(Buffer.from(','));
    for (const text of texts) pieces.push(Buffer.from(text));
  };
  for (const [key, value] of entries) if (value !== null) add(`${JSON.stringify(key)}:`, value);
  for (const member of members) add(member);
  return Buffer.concat(pieces);
}
