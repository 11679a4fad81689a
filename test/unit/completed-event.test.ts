import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  applyEdits,
  batchMembersOf,
  cuttableMembers,
  findEdits,
  noBatchMembers,
  type BatchMembers,
  type Stamps,
} from '../../src/core/completed-event.ts';
import type { EventType } from '../../src/core/event.ts';
import { membersOf } from '../../src/core/json-scan.ts';
import { objectText, type JsonText } from '../support/json-text.ts';
import { duplicable, editable, nested } from '../support/sent-event.ts';

const decode = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const subsets = cuttableMembers.reduce<string[][]>(
  (sets, name) => [...sets, ...sets.map((set) => [...set, name])],
  [[]],
);

const event = objectText(nested, duplicable, 9);
const inherited = fc.option(nested, { nil: undefined });
const text = fc.string({ unit: 'binary', maxLength: 8 });
const stamps: fc.Arbitrary<Stamps> = fc.record({
  timestamp: fc.option(text),
  keepOriginal: fc.boolean(),
  receivedAt: fc.option(text),
  messageId: fc.option(text),
  type: fc.option(fc.constantFrom<EventType>('track', 'page')),
});

function batchOf(context: JsonText | undefined, integrations: JsonText | undefined): BatchMembers {
  const read = (value: JsonText | undefined) => {
    if (value === undefined) return [];
    const bytes = Buffer.from(value.text);
    return batchMembersOf(bytes, { valueStart: 0, valueEnd: bytes.length, kind: value.kind });
  };
  return { context: read(context), integrations: read(integrations) };
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const put = (target: Json, key: string, value: unknown) =>
  Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });

/** The rules once more, on parsed values. */
function expected(
  raw: string,
  batch: { context: JsonText | undefined; integrations: JsonText | undefined },
  says: Stamps,
  cut: readonly string[],
): Json {
  const value = JSON.parse(raw) as Json;
  const sentTimestamp = Object.hasOwn(value, 'timestamp') ? { value: value['timestamp'] } : null;
  if (says.keepOriginal && sentTimestamp !== null && !Object.hasOwn(value, 'originalTimestamp')) {
    value['originalTimestamp'] = sentTimestamp.value;
  }
  for (const name of ['timestamp', 'receivedAt', 'messageId', 'type'] as const) {
    if (says[name] !== null) value[name] = says[name];
  }
  for (const name of ['context', 'integrations'] as const) {
    const gives: unknown = batch[name] === undefined ? null : JSON.parse(batch[name].text);
    if (!isObject(gives) || Object.keys(gives).length === 0) continue;
    const own = Object.hasOwn(value, name) && value[name] !== null ? value[name] : {};
    if (!isObject(own)) continue;
    for (const [key, member] of Object.entries(gives)) if (!Object.hasOwn(own, key)) put(own, key, member);
    value[name] = own;
  }
  delete value['writeKey'];
  for (const name of cut) delete value[name];
  return value;
}

test('the completed event parses to what the rules say, for every choice of cuts', () => {
  fc.assert(
    fc.property(event, inherited, inherited, stamps, ({ text: raw }, context, integrations, says) => {
      const bytes = Buffer.from(raw);
      const edits = findEdits(bytes, batchOf(context, integrations), says);
      for (const cut of subsets) {
        const completed = decode(applyEdits(bytes, edits, { cut }));
        const wanted = expected(raw, { context, integrations }, says, cut);
        expect(isDeepStrictEqual(JSON.parse(completed), wanted), `${raw}\n${completed}`).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});

/** Key and value of every member as they stand in the text. */
const memberTexts = (bytes: Uint8Array) =>
  membersOf(bytes).map(({ key, keyStart, valueEnd }) => ({
    key,
    text: decode(bytes.subarray(keyStart, valueEnd)),
  }));

test('what is not edited stays as it was sent, and what is edited appears once', () => {
  fc.assert(
    fc.property(
      event,
      inherited,
      stamps,
      fc.constantFrom(...subsets),
      ({ text: raw }, context, says, cut) => {
        const bytes = Buffer.from(raw);
        const completed = applyEdits(bytes, findEdits(bytes, batchOf(context, undefined), says), { cut });
        const sent = memberTexts(bytes);
        const out = memberTexts(completed);
        const free = (list: typeof sent) => list.filter(({ key }) => !editable.has(key));
        expect(free(out)).toEqual(free(sent));
        for (const name of editable)
          expect(out.filter(({ key }) => key === name).length).toBeLessThanOrEqual(1);
        for (const name of ['sentAt', 'originalTimestamp', '_metadata']) {
          const last = sent.findLast(({ key }) => key === name);
          if (last !== undefined && !cut.includes(name)) expect(out).toContainEqual(last);
        }
        expect(decode(bytes)).toBe(raw);
      },
    ),
    { numRuns: 1_000 },
  );
});

const plain: Stamps = { timestamp: null, keepOriginal: false, receivedAt: null, messageId: null, type: null };
const completed = (raw: string, says: Partial<Stamps>, batch = noBatchMembers, cut: string[] = []) => {
  const bytes = Buffer.from(raw);
  return decode(applyEdits(bytes, findEdits(bytes, batch, { ...plain, ...says }), { cut }));
};

test('sets the timestamp in place and keeps the sent one as originalTimestamp', () => {
  const says = { timestamp: '2026-01-01T00:00:00.000Z', keepOriginal: true };
  expect(completed('{"a":1, "timestamp" : "2026-01-01T00:00:09+00:00" ,"b":2}', says)).toBe(
    '{"originalTimestamp":"2026-01-01T00:00:09+00:00","a":1, "timestamp" : "2026-01-01T00:00:00.000Z" ,"b":2}',
  );
});

test('leaves no comma behind when a run of cuts reaches the last member', () => {
  const raw = '{ "userId":"u" ,\n "sentAt":1 , "writeKey":"k" , "_metadata":{ } }';
  expect(completed(raw, {}, noBatchMembers, ['sentAt', '_metadata'])).toBe('{ "userId":"u" \n  }');
  expect(completed('{"writeKey":"k"}', {})).toBe('{}');
  expect(completed('{"writeKey":"k"}', { timestamp: 'T' })).toBe('{"timestamp":"T"}');
});

test('gives a batch’s context to an item that has none, and only what it lacks to one that has its own', () => {
  const context: JsonText = { kind: 'object', text: '{"library": {"name":"x"}, "ip":"1.1.1.1"}' };
  const batch = batchOf(context, undefined);
  expect(completed('{"a":1}', {}, batch)).toBe('{"context":{"library": {"name":"x"},"ip":"1.1.1.1"},"a":1}');
  expect(completed('{"context":{"ip":"2.2.2.2"}}', {}, batch)).toBe(
    '{"context":{"library": {"name":"x"},"ip":"2.2.2.2"}}',
  );
  expect(completed('{"context":{ }}', {}, batch)).toBe(
    '{"context":{"library": {"name":"x"},"ip":"1.1.1.1" }}',
  );
  expect(completed('{"context":null}', {}, batch)).toBe(
    '{"context":{"library": {"name":"x"},"ip":"1.1.1.1"}}',
  );
  expect(completed('{"context":"sent so"}', {}, batch)).toBe('{"context":"sent so"}');
});

test('edits survive their storage as JSON', () => {
  fc.assert(
    fc.property(event, inherited, stamps, ({ text: raw }, context, says) => {
      const bytes = Buffer.from(raw);
      const edits = findEdits(bytes, batchOf(context, undefined), says);
      const stored = JSON.parse(JSON.stringify(edits)) as typeof edits;
      expect(decode(applyEdits(bytes, stored))).toBe(decode(applyEdits(bytes, edits)));
    }),
  );
});
