import type { Edit, EventType } from './event.ts';
import { isWhitespace, membersOf, type JsonElement, type JsonMember } from './json-scan.ts';

/**
 * The completed event is the sender's text with a short list of edits. They are found once, when the event comes in,
 * and applied by concatenation whenever it goes out: no parse, no stringify, untouched bytes stay as they were sent.
 *
 * An edit of a whole member takes the comma that follows it along, so members can be cut in any combination; only a
 * cut that reaches the last member leaves a comma behind, which the application drops.
 */

/** The names of the members that a destination may have cut: `applyEdits` takes them as `cut`. */
export const cuttableMembers = ['sentAt', 'receivedAt', 'originalTimestamp', '_metadata'] as const;

/** One member of a batch's own `context` or `integrations`, which its items inherit. */
export interface BatchMember {
  readonly key: string;
  /** `"key":value` as it was sent. */
  readonly text: string;
}

export interface BatchMembers {
  readonly context: readonly BatchMember[];
  readonly integrations: readonly BatchMember[];
}

/** What the server says of an event. Null leaves the sender's own member as it is. */
export interface Stamps {
  /** The corrected time, RFC 3339. */
  readonly timestamp: string | null;
  /** The time comes from the sender's `timestamp`, whose text lives on as `originalTimestamp`. */
  readonly keepOriginal: boolean;
  /** RFC 3339. */
  readonly receivedAt: string | null;
  readonly messageId: string | null;
  readonly type: EventType | null;
}

/** Members that are edited or marked; of duplicates only the last one stays, which is the one that JSON.parse takes. */
const knownMembers = [
  'timestamp',
  'originalTimestamp',
  'sentAt',
  'receivedAt',
  'messageId',
  'type',
  'writeKey',
  '_metadata',
  'context',
  'integrations',
] as const;
type KnownMember = (typeof knownMembers)[number];

const known: ReadonlySet<string> = new Set(knownMembers);
const cuttable: ReadonlySet<string> = new Set(cuttableMembers);
const decoder = new TextDecoder();
const encoder = new TextEncoder();

export const noBatchMembers: BatchMembers = { context: [], integrations: [] };

/** The members that a batch's `context` or `integrations` gives to its items: none unless it is an object. */
export function batchMembersOf(json: Uint8Array, value: JsonElement): BatchMember[] {
  if (value.kind !== 'object') return [];
  const byKey = new Map<string, BatchMember>();
  for (const { key, keyStart, valueEnd } of membersOf(json, value.valueStart)) {
    byKey.set(key, { key, text: decoder.decode(json.subarray(keyStart, valueEnd)) });
  }
  return [...byKey.values()];
}

/**
 * The edits that complete one event, in the order of their offsets.
 * @param item a validated JSON object in UTF-8, without whitespace around it
 */
export function findEdits(item: Uint8Array, batch: BatchMembers, stamps: Stamps): Edit[] {
  const members = membersOf(item);
  const last = new Map<string, JsonMember>();
  for (const member of members) if (known.has(member.key)) last.set(member.key, member);
  const edits = supplied(item, last, batch, stamps);
  members.forEach((member, index) => {
    if (!known.has(member.key)) return;
    const name = member.key as KnownMember;
    const end = members[index + 1]?.keyStart ?? member.valueEnd;
    const whole = { name, start: member.keyStart, length: end - member.keyStart };
    const edit = last.get(name) === member ? editOf(item, member, whole, batch, stamps) : cutOf(whole);
    if (edit !== null) edits.push(edit);
  });
  return edits;
}

interface WholeMember {
  readonly name: KnownMember;
  readonly start: number;
  readonly length: number;
}

function cutOf({ name, start, length }: WholeMember): Edit {
  return [name, start, length, ''];
}

function editOf(
  item: Uint8Array,
  member: JsonMember,
  whole: WholeMember,
  batch: BatchMembers,
  stamps: Stamps,
): Edit | null {
  switch (whole.name) {
    case 'timestamp':
    case 'messageId':
    case 'type':
      return replaced(whole.name, member, stamps[whole.name]);
    case 'receivedAt':
      return stamps.receivedAt === null ? marked(whole) : cutOf(whole);
    case 'sentAt':
    case 'originalTimestamp':
    case '_metadata':
      return marked(whole);
    case 'writeKey':
      return cutOf(whole);
    default:
      return merged(item, whole.name, member, batch[whole.name]);
  }
}

function marked({ name, start, length }: WholeMember): Edit {
  return [name, start, length];
}

function replaced(name: string, { valueStart, valueEnd }: JsonElement, text: string | null): Edit | null {
  return text === null ? null : [name, valueStart, valueEnd - valueStart, JSON.stringify(text)];
}

/** Inserts what the item's own object lacks of the batch's; null counts as no object, other values stay as sent. */
function merged(
  item: Uint8Array,
  name: 'context' | 'integrations',
  own: JsonMember,
  inherited: readonly BatchMember[],
): Edit | null {
  if (inherited.length === 0) return null;
  if (own.kind === 'null') return [name, own.valueStart, 4, objectText(inherited)];
  if (own.kind !== 'object') return null;
  const ownMembers = membersOf(item, own.valueStart);
  const ownKeys = new Set(ownMembers.map(({ key }) => key));
  const lacking = inherited.filter(({ key }) => !ownKeys.has(key)).map(({ text }) => text);
  if (lacking.length === 0) return null;
  return [name, own.valueStart + 1, 0, lacking.join(',') + (ownMembers.length > 0 ? ',' : '')];
}

function objectText(members: readonly BatchMember[]): string {
  return `{${members.map(({ text }) => text).join(',')}}`;
}

/** Whole members that the item lacks, put in front of its first one. */
function supplied(
  item: Uint8Array,
  last: ReadonlyMap<string, JsonMember>,
  batch: BatchMembers,
  stamps: Stamps,
): Edit[] {
  const edits: Edit[] = [];
  const supply = (name: KnownMember, value: string) => edits.push([name, 1, 0, `"${name}":${value},`]);
  for (const name of ['timestamp', 'messageId', 'type'] as const) {
    const text = stamps[name];
    if (text !== null && !last.has(name)) supply(name, JSON.stringify(text));
  }
  const sent = last.get('timestamp');
  if (stamps.keepOriginal && sent !== undefined && !last.has('originalTimestamp')) {
    supply('originalTimestamp', decoder.decode(item.subarray(sent.valueStart, sent.valueEnd)));
  }
  if (stamps.receivedAt !== null) supply('receivedAt', JSON.stringify(stamps.receivedAt));
  for (const name of ['context', 'integrations'] as const) {
    if (batch[name].length > 0 && !last.has(name)) supply(name, objectText(batch[name]));
  }
  return edits;
}

/**
 * Makes the completed event of the sender's bytes.
 * @param edits what `findEdits` found for these bytes
 * @param options.cut names of `cuttableMembers` that are left out; other names mean nothing
 */
export function applyEdits(
  raw: Uint8Array,
  edits: readonly Edit[],
  options: { readonly cut?: readonly string[] } = {},
): Uint8Array {
  const target = new Uint8Array(raw.length + insertsLimit(edits));
  return target.subarray(0, completeInto(target, 0, raw, edits, options));
}

/** Edits in the order in which they are applied: of those at one place what is put in goes before what is cut there. */
export function inOrder(edits: readonly Edit[]): Edit[] {
  return edits.toSorted(
    ([, offset, span], [, otherOffset, otherSpan]) => offset - otherOffset || span - otherSpan,
  );
}

/** How many bytes the edits of an event insert at most: a UTF-16 unit takes up to three in UTF-8. */
export function insertsLimit(edits: readonly Edit[]): number {
  let units = 0;
  for (const [, , , insert] of edits) units += insert?.length ?? 0;
  return units * 3;
}

/**
 * Writes the completed event of the sender's bytes to `at` of a target, which must have room for them and for
 * `insertsLimit` more. @returns where it ends; what lies behind is left undefined
 */
export function completeInto(
  target: Uint8Array,
  at: number,
  raw: Uint8Array,
  edits: readonly Edit[],
  { cut }: { readonly cut?: readonly string[] } = {},
): number {
  let from = 0;
  let to = at;
  for (const [name, offset, span, insert] of edits) {
    const isCut = cut?.includes(name) === true && cuttable.has(name);
    if (!isCut && insert === undefined) continue;
    to = copyBytes(raw, from, offset, target, to);
    if (!isCut && insert !== undefined) to = writeText(target, to, insert);
    from = offset + span;
  }
  return withoutLooseComma(target, copyBytes(raw, from, raw.length, target, to));
}

/** The piece in front of the first edit is often a single byte, for which a view would cost more than the loop. */
function copyBytes(raw: Uint8Array, from: number, end: number, target: Uint8Array, at: number): number {
  if (end - from > 32) target.set(raw.subarray(from, end), at);
  else for (let index = from; index < end; index++) target[at + index - from] = raw[index]!;
  return at + end - from;
}

/** Nearly all inserts are short and ASCII, for which a call of the encoder would cost more than the loop. */
function writeText(buffer: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return at + encoder.encodeInto(text, buffer.subarray(at)).written;
    buffer[at + index] = unit;
  }
  return at + text.length;
}

/** Only a cut of the last member leaves `,` in front of the closing brace: no string of JSON ends in a comma. */
function withoutLooseComma(json: Uint8Array, end: number): number {
  let at = end - 2;
  while (isWhitespace(json[at])) at--;
  if (json[at] !== 0x2c) return end;
  json.copyWithin(at, at + 1, end);
  return end - 1;
}
