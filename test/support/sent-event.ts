import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect } from 'vitest';
import { applyEdits } from '../../src/core/completed-event.ts';
import { eventTypes, type Edit, type EventColumns } from '../../src/core/event.ts';
import { membersOf } from '../../src/core/json-scan.ts';
import { anyJson, content, objectText, stringText, whitespace, type JsonText } from './json-text.ts';

/** A time as somebody sends it, with what it says by the calendar; null: it cannot be used. */
export interface SentTime {
  readonly text: string;
  readonly moment: number | null;
  /** It has the one form that all readers understand alike, RFC 3339. */
  readonly isStrict: boolean;
}

/** An event's text, with what it is made of. */
export interface SentEvent {
  readonly text: string;
  readonly times: Partial<Record<'timestamp' | 'originalTimestamp' | 'sentAt' | 'receivedAt', SentTime>>;
  /** As columns have it; null: the server has to make one. */
  readonly messageId: string | null;
  readonly userId: string;
}

/** What a batch says for all its items. */
export interface SentBatch {
  readonly sentAt: SentTime | null;
  readonly context: JsonText | null;
  readonly integrations: JsonText | null;
}

const day = 86_400_000;
const twoDigits = (value: number) => String(value).padStart(2, '0');

const forms: ((moment: number) => SentTime)[] = [
  (moment) => ({ text: `"${new Date(moment).toISOString()}"`, moment, isStrict: true }),
  (moment) => ({
    text: `"${new Date(moment).toISOString().replace('Z', '999+00:00')}"`,
    moment,
    isStrict: true,
  }),
  (moment) => {
    const local = new Date(moment + 330 * 60_000).toISOString().replace('Z', '+05:30');
    return { text: `"${local}"`, moment, isStrict: true };
  },
  (moment) => {
    const text = new Date(moment).toISOString().replace('Z', '').replace('T', ' ');
    return { text: `"${text}"`, moment, isStrict: false };
  },
  (moment) => {
    const at = new Date(moment);
    const text = `${at.getUTCFullYear()}-${twoDigits(at.getUTCMonth() + 1)}-${twoDigits(at.getUTCDate())}`;
    return { text: `"${text}"`, moment: moment - (moment % day), isStrict: false };
  },
];
const unusableTimes = [
  'null',
  'true',
  '1754051696',
  '1754051696000',
  '1e400',
  '{}',
  '["2026-01-01T00:00:00Z"]',
  '""',
  '"now"',
  '"2026-02-30T00:00:00Z"',
  '"2026-01-01T24:00:00Z"',
  '"0000-00-00T00:00:00Z"',
  '"0001-01-01T00:00:00Z"',
  '"0075-06-01T00:00:00Z"',
  '"9999-12-31T23:59:59Z"',
  '"+010000-01-01T00:00:00Z"',
  '"1754051696"',
  '"2026-01-01T00:00:00Z\\u0000"',
];

/** Any time that an event may bring, usable or not. */
export const sentTime: fc.Arbitrary<SentTime> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...forms), fc.integer({ min: 0, max: 2_500 * day }))
      .map(([form, after]) => form(Date.UTC(2020, 0, 1) + after)),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...unusableTimes).map((text) => ({ text, moment: null, isStrict: false })),
  },
);

/** An id with its text in the columns. */
const usableId: fc.Arbitrary<{ text: string; id: string }> = fc.oneof(
  fc.tuple(content, fc.boolean(), fc.uuid()).chain(([odd, isOdd, uuid]) =>
    stringText(fc.constant(isOdd ? odd + uuid : uuid)).map((text) => ({
      text,
      id: JSON.parse(text) as string,
    })),
  ),
  fc.constantFrom(
    { text: '9007199254740993', id: '9007199254740993' },
    { text: '1e400', id: '1e400' },
    { text: '1.50', id: '1.50' },
    { text: '-0', id: '0' },
    { text: '1E2', id: '100' },
  ),
);
const messageId = fc.oneof(
  { weight: 3, arbitrary: usableId },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('null', '""', '{}', '[]', 'false', '["m"]', '{"id":"m"}')
      .map((text) => ({ text, id: null })),
  },
);

const contextKeys = ['library', 'ip', 'page', 'All', '\ud800', 'é'];
/** JSON, often an object that looks like a context. */
export const nested = fc.oneof(anyJson, objectText(anyJson, contextKeys));

/** The members of an event that the server may edit. */
export const editable: ReadonlySet<string> = new Set([
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
]);
/** Names of members that may stand in an event more than once. */
export const duplicable: readonly string[] = [...editable, 'userId'];
const freeKey = content.filter(
  (key) => !editable.has(key) && !['userId', 'event', 'anonymousId'].includes(key),
);

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });

/** An event that has to be accepted, written in every way that JSON allows. */
export const sentEvent: fc.Arbitrary<SentEvent> = fc
  .record({
    type: stringText(fc.constantFrom(...eventTypes)),
    user: usableId,
    message: maybe(messageId),
    timestamp: maybe(sentTime),
    originalTimestamp: maybe(sentTime),
    sentAt: maybe(sentTime),
    receivedAt: maybe(sentTime),
    context: maybe(nested),
    integrations: maybe(nested),
    metadata: maybe(nested),
    writeKey: maybe(nested),
    free: fc.array(fc.tuple(freeKey, anyJson), { maxLength: 4 }),
    overwritten: fc.array(fc.tuple(fc.constantFrom(...duplicable), anyJson), { maxLength: 3 }),
  })
  .chain((parts) => {
    const { timestamp, originalTimestamp, sentAt, receivedAt } = parts;
    const counting: [string, string | undefined][] = [
      ['type', parts.type],
      ['userId', parts.user.text],
      ['event', '"e"'],
      ['groupId', '1'],
      ['previousId', '"p"'],
      ['messageId', parts.message?.text],
      ['timestamp', timestamp?.text],
      ['originalTimestamp', originalTimestamp?.text],
      ['sentAt', sentAt?.text],
      ['receivedAt', receivedAt?.text],
      ['context', parts.context?.text],
      ['integrations', parts.integrations?.text],
      ['_metadata', parts.metadata?.text],
      ['writeKey', parts.writeKey?.text],
    ];
    const last = counting.flatMap(([key, text]) => (text === undefined ? [] : [[key, text] as const]));
    const keys = new Set(last.map(([key]) => key));
    const before = parts.overwritten.flatMap(([key, { text }]) =>
      keys.has(key) ? [[key, text] as const] : [],
    );
    const free = parts.free.map(([key, { text }]) => [key, text] as const);
    const times = { timestamp, originalTimestamp, sentAt, receivedAt };
    const sent = Object.fromEntries(Object.entries(times).filter(([, time]) => time !== undefined));
    return written([...before, ...free], last).map((text) => ({
      text,
      times: sent as SentEvent['times'],
      messageId: parts.message?.id ?? null,
      userId: parts.user.id,
    }));
  });

type Member = readonly [key: string, valueText: string];

/** An object of these members in any order, those of `last` behind others of the same name. */
function written(others: readonly Member[], last: readonly Member[]): fc.Arbitrary<string> {
  const all = [...others, ...last];
  const shuffled = fc.shuffledSubarray([...all.keys()], { minLength: all.length, maxLength: all.length });
  const spaces = fc.array(fc.tuple(whitespace, whitespace, whitespace, whitespace), {
    minLength: all.length,
    maxLength: all.length,
  });
  const escapes = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: all.length, maxLength: all.length });
  return fc.tuple(shuffled, spaces, escapes).map(([order, space, escape]) => {
    const members = order.map((index) => all[index]!);
    for (const [key, text] of last) {
      const from = members.findIndex((member) => member[0] === key && member[1] === text);
      const to = members.findLastIndex((member) => member[0] === key);
      [members[from], members[to]] = [members[to]!, members[from]!];
    }
    const parts = members.map(([key, text], index) => {
      const [a, b, c, d] = space[index]!;
      return `${a}${escape[index] === 0 ? escaped(key) : JSON.stringify(key)}${b}:${c}${text}${d}`;
    });
    return `{${parts.join(',')}}`;
  });
}

function escaped(key: string): string {
  const units = Array.from({ length: key.length }, (_, index) => key.charCodeAt(index));
  return `"${units.map((unit) => `\\u${unit.toString(16).toUpperCase().padStart(4, '0')}`).join('')}"`;
}

/** What the archive has of an event, as far as its sender could tell. */
export interface Kept extends Pick<EventColumns, 'receivedAt' | 'timestamp' | 'messageId' | 'userId'> {
  readonly raw: Uint8Array;
  readonly edits: readonly Edit[];
}

/** A look-up column has no NUL and no half of a surrogate pair. */
const asColumn = (text: string) => text.replaceAll('\0', '\ufffd').toWellFormed();

/** Checks that an event was kept as it was sent, and that its completed event differs by nothing but its edits. */
export function checkKept(sent: SentEvent, batch: SentBatch, kept: Kept): void {
  expect(Buffer.from(kept.raw).toString()).toBe(sent.text);
  const completed = applyEdits(kept.raw, kept.edits);
  const text = Buffer.from(completed).toString();
  const wanted = wantedOf(sent, batch, kept);
  expect(isDeepStrictEqual(JSON.parse(text), wanted), `${sent.text}\nbecame\n${text}`).toBe(true);
  expect(freeMembers(completed)).toEqual(freeMembers(kept.raw));
  if (sent.messageId !== null) expect(asColumn(kept.messageId)).toBe(asColumn(sent.messageId));
  expect(asColumn(kept.userId ?? '')).toBe(asColumn(sent.userId));
  expect(kept.timestamp).toEqual(new Date(momentOf(sent, batch, kept.receivedAt) ?? kept.receivedAt));
}

/** Key and value of each member that nobody may touch, as they stand in the text. */
function freeMembers(json: Uint8Array): string[] {
  return membersOf(json)
    .filter(({ key }) => !editable.has(key))
    .map(({ keyStart, valueEnd }) => Buffer.from(json.subarray(keyStart, valueEnd)).toString());
}

/** The time on the sender's clock, corrected by what it was when he sent; null: none of his times can be used. */
function momentOf({ times }: SentEvent, batch: SentBatch, receivedAt: Date): number | null {
  const own = times.timestamp?.moment ?? null;
  const original = times.originalTimestamp?.moment ?? null;
  const base = own ?? original;
  if (base === null) return null;
  const sentAt = times.sentAt?.moment ?? batch.sentAt?.moment ?? null;
  if (sentAt === null || (own !== null && original !== null)) return base;
  const moment = base + receivedAt.getTime() - sentAt;
  return moment >= 0 && moment < Date.UTC(2100, 0, 1) ? moment : null;
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const put = (target: Json, key: string, value: unknown) =>
  Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });

/** The rules once more, on parsed values. */
function wantedOf(sent: SentEvent, batch: SentBatch, kept: Kept): Json {
  const value = JSON.parse(sent.text) as Json;
  const { timestamp, receivedAt } = sent.times;
  const moment = momentOf(sent, batch, kept.receivedAt);
  const ofTimestamp = moment !== null && timestamp !== undefined && timestamp.moment !== null;
  if (ofTimestamp && !Object.hasOwn(value, 'originalTimestamp'))
    value['originalTimestamp'] = value['timestamp'];
  const staysSo = ofTimestamp && timestamp.isStrict && timestamp.moment === moment;
  if (!staysSo) value['timestamp'] = new Date(moment ?? kept.receivedAt).toISOString();
  if ((receivedAt?.moment ?? null) === null) value['receivedAt'] = kept.receivedAt.toISOString();
  if (typeof value['messageId'] !== 'string' || value['messageId'] === '')
    value['messageId'] = sent.messageId ?? kept.messageId;
  for (const name of ['context', 'integrations'] as const) {
    const gives: unknown = batch[name] === null ? null : JSON.parse(batch[name].text);
    if (!isObject(gives) || Object.keys(gives).length === 0) continue;
    const own = value[name] ?? {};
    if (!isObject(own)) continue;
    for (const [key, member] of Object.entries(gives)) if (!Object.hasOwn(own, key)) put(own, key, member);
    value[name] = own;
  }
  delete value['writeKey'];
  return value;
}
