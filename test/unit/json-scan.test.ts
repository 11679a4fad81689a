import fc from 'fast-check';
import { expect, test } from 'vitest';
import { depthOf, elementsOf, membersOf, trimJson } from '../../src/core/json-scan.ts';
import { anyJson, arrayText, objectText } from '../support/json-text.ts';

const bytesOf = (text: string) => Buffer.from(text);
const slice = (bytes: Uint8Array, start: number, end: number) =>
  Buffer.from(bytes.subarray(start, end)).toString();

test('finds each member of an object: key, value without whitespace, kind', () => {
  fc.assert(
    fc.property(objectText(anyJson), fc.constantFrom('', ' ', '\n\t'), (object, before) => {
      const bytes = bytesOf(`${before}${object.text} ,[{"behind":1}]`);
      const members = membersOf(bytes);
      expect(members.map((member) => member.key)).toEqual(
        object.members.map((member) => JSON.parse(member.keyText)),
      );
      expect(members.map((member) => slice(bytes, member.valueStart, member.valueEnd))).toEqual(
        object.members.map((member) => member.value.text),
      );
      expect(members.map((member) => member.kind)).toEqual(object.members.map((member) => member.value.kind));
      for (const [index, member] of members.entries()) {
        const keyText = object.members[index]?.keyText ?? '';
        expect(slice(bytes, member.keyStart, member.keyStart + bytesOf(keyText).length)).toBe(keyText);
      }
    }),
  );
});

test('finds each element of an array', () => {
  fc.assert(
    fc.property(arrayText(anyJson), (array) => {
      const bytes = bytesOf(`  ${array.text}, 5]`);
      const found = elementsOf(bytes);
      expect(found.map((element) => slice(bytes, element.valueStart, element.valueEnd))).toEqual(
        array.items.map((item) => item.text),
      );
      expect(found.map((element) => element.kind)).toEqual(array.items.map((item) => item.kind));
    }),
  );
});

test('long strings end where they end, whatever is escaped in them and wherever', () => {
  const piece = fc.constantFrom('x'.repeat(61), 'y', '"', '\\', '\\"', '\n', 'é', '["{', ',');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.array(piece, { maxLength: 10 }), (first, second) => {
      const texts = [first, second].map((pieces) => JSON.stringify(pieces.join('')));
      const bytes = bytesOf(`[${texts.join(',')}]`);
      const found = elementsOf(bytes).map(({ valueStart, valueEnd }) => slice(bytes, valueStart, valueEnd));
      expect(found).toEqual(texts);
      expect(depthOf(bytes, 10)).toBe(1);
    }),
    { numRuns: 1_000 },
  );
  const many = JSON.stringify(`${'x'.repeat(70)}"`.repeat(20_000));
  expect(elementsOf(bytesOf(`[${many}]`))[0]!.valueEnd).toBe(many.length + 1);
  expect(depthOf(bytesOf(`["${'x'.repeat(200)}`), 10)).toBe(1);
});

function naiveDepth(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(naiveDepth));
}

test('counts the depth, and stops at the limit', () => {
  fc.assert(
    fc.property(arrayText(objectText(anyJson, [], 3)), ({ text }) => {
      // Distinct keys only: JSON.parse forgets the earlier ones of duplicates, the counter sees them.
      const value: unknown = JSON.parse(text);
      expect(depthOf(bytesOf(JSON.stringify(value)), 1_000)).toBe(naiveDepth(value));
    }),
  );
  const nested = (depth: number) => bytesOf('['.repeat(depth) + ']'.repeat(depth));
  expect(depthOf(nested(100), 100)).toBe(100);
  expect(depthOf(nested(200_000), 100)).toBe(101);
  expect(depthOf(bytesOf('{"a":"[[[[\\"[[["}'), 100)).toBe(1);
});

test('survives any bytes when it counts the depth', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(depthOf(bytes, 100)).toBeLessThanOrEqual(40);
    }),
  );
  for (const text of ['', '"', '"\\', '{"a', ']]]]', '[', '{"a":"\\'])
    expect(depthOf(bytesOf(text), 5)).toBeLessThan(2);
});

test('takes the whitespace of JSON away, and only that', () => {
  expect(slice(trimJson(bytesOf(' \t\r\n {"a": 1 }\n')), 0, 99)).toBe('{"a": 1 }');
  expect(trimJson(bytesOf(' \n ')).length).toBe(0);
  expect(trimJson(bytesOf('')).length).toBe(0);
  expect(slice(trimJson(bytesOf('\u00a0{}')), 0, 99)).toBe('\u00a0{}');
});
