import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { identifyingMembers, legibleMembers, parseAroundItems } from '../../src/core/malformed-json.ts';
import { anyJson, whitespace } from '../support/json-text.ts';

const bytes = (text: string) => Buffer.from(text);
const illegible = fc.constantFrom(
  'NaN',
  '-Infinity',
  '{"a":NaN}',
  '{"a":[undefined,{"b":"]"}]}',
  '{"userId":"u","a":"line\nbreak"}',
  "{'a':1}",
  '[1,]',
  '{"a":"\\x","b":"\\""}',
);

test('items that are no JSON are undefined, everything else is read as if they were not there', () => {
  const item = fc.oneof(
    anyJson.map(({ text }) => ({ text, good: true })),
    illegible.map((text) => ({ text, good: false })),
  );
  const items = fc.array(item, { minLength: 1, maxLength: 8 }).filter((all) => all.some(({ good }) => !good));
  fc.assert(
    fc.property(items, anyJson, anyJson, whitespace, (all, before, behind, space) => {
      const batch = (of: (one: (typeof all)[number]) => string) =>
        `{"context":${before.text},"batch":[${all.map(of).join(`${space},${space}`)}${space}],"more":${behind.text}}`;
      const expected = JSON.parse(batch(({ text, good }) => (good ? text : '0'))) as { batch: unknown[] };
      all.forEach(({ good }, index) => good || (expected.batch[index] = undefined));
      expect(parseAroundItems(bytes(batch(({ text }) => text)), 8)).toEqual(expected);
      expect(parseAroundItems(bytes(batch(({ text }) => text)), all.length - 1)).toBeNull();
    }),
    { numRuns: 500 },
  );
});

test('whatever comes ends: as nothing, or with each item where it stood', () => {
  const piece = fc.constantFrom(...'{}[],:"\\0 aé'.split(''), '"batch"', '{"batch":[', 'NaN', ']}', 'null');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      const read = parseAroundItems(bytes(text), 100) as { batch: unknown[] } | null;
      legibleMembers(bytes(text), identifyingMembers);
      if (read !== null) expect(read.batch).toContain(undefined);
    }),
    { numRuns: 20_000 },
  );
});

test.each([
  ['what is JSON', '{"batch":[1,2]}'],
  ['no batch', '{"items":[NaN]}'],
  ['a fault beside the items', '{"batch":[NaN],"sentAt":NaN}'],
  ['a comma too many', '{"batch":[NaN,]}'],
  ['nothing between two commas', '{"batch":[NaN,,1]}'],
  ['no comma', '{"batch":[NaN 1]}'],
  ['a batch that nobody closes', '{"batch":[NaN,{"a":1}'],
  ['another bracket', '{"batch":[NaN}]'],
  ['a batch that counts for nothing, as another follows', '{"batch":[NaN],"batch":[1]}'],
])('%s is no request with items at fault alone', (_, text) => {
  expect(parseAroundItems(bytes(text), 10)).toBeNull();
});

test.each([
  ['{"userId":"u","score":NaN,"messageId":7}', { userId: 'u', messageId: 7 }],
  ['{"\\x":1,"\n\\\\":2,"\\u0075serId":"u"}', { userId: 'u' }],
  ['{"userId":"first","userId":"last","userId":NaN,"messageId":1,"messageId":2,"x":x}', { messageId: 2 }],
  ['{"userId":12', {}],
  ['NaN', {}],
  ['', {}],
])('of %s the members that can be read are', (text, members) => {
  expect(legibleMembers(bytes(text), identifyingMembers)).toEqual(members);
});

test('however many members cannot be read, no more are tried than there are names', () => {
  const parse = vi.spyOn(JSON, 'parse');
  for (const name of ['', 'userId', '\\x']) {
    const text = bytes(`{${Array.from({ length: 10_000 }, () => `"${name}":x`).join(',')}}`);
    expect(legibleMembers(text, identifyingMembers)).toEqual({});
  }
  expect(parse.mock.calls.length).toBeLessThanOrEqual(3 * identifyingMembers.length);
  parse.mockRestore();
});
