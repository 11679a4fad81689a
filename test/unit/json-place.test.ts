import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findJsonFault, pointerTo } from '../../src/core/json-place.ts';

const isJson = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

test('finds no fault in any JSON', () => {
  fc.assert(fc.property(fc.json(), (text) => findJsonFault(text) === null));
  fc.assert(
    fc.property(fc.jsonValue(), (value) => findJsonFault(JSON.stringify(value, null, '\t')) === null),
  );
});

test('finds a fault exactly where JSON.parse finds one, in any damaged JSON', () => {
  const damaged = fc.tuple(
    fc.json(),
    fc.nat(),
    fc.nat({ max: 3 }),
    fc.constantFrom('', '{', '"', ',', '\\', '0', ']', 'x'),
  );
  fc.assert(
    fc.property(damaged, ([text, at, cut, insert]) => {
      const place = at % (text.length + 1);
      const changed = text.slice(0, place) + insert + text.slice(place + cut);
      expect(findJsonFault(changed) === null).toBe(isJson(changed));
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['', '', 1, 1, 'a value'],
  ['{"a": 1,}', '/a', 1, 9, 'a member name in double quotes'],
  ['{"a": 01}', '/a', 1, 7, 'a value'],
  ["{'a': 1}", '/', 1, 2, 'a member name in double quotes'],
  ['{"a" 1}', '/a', 1, 6, '":"'],
  ['[1,\n 2,\n x]', '/2', 3, 2, 'a value'],
  ['[1 2]', '/0', 1, 4, '"," or "]"'],
  ['{"a": {"b/c": ["x', '/a/b~1c/0', 1, 16, 'a closing double quote'],
  ['"a\tb"', '', 1, 3, 'an escape sequence'],
  ['"\\x"', '', 1, 2, 'a valid escape sequence'],
  ['{} {}', '', 1, 4, 'the end of the text'],
  ['[[[', '/0/0/0', 1, 4, 'a value'],
])('%j is faulty at %s, line %i, column %i', (text, pointer, line, column, expected) => {
  const fault = findJsonFault(text);
  expect(fault).toMatchObject({ pointer, line, column });
  expect(fault?.expected).toContain(expected);
});

test('a text of any depth costs no stack', () => {
  expect(findJsonFault('['.repeat(1_000_000))).toMatchObject({ line: 1, column: 1_000_001 });
});

test('pointers escape what RFC 6901 says', () => {
  expect(pointerTo(['a/b', 'm~n', 0, ''])).toBe('/a~1b/m~0n/0/');
});
