import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readFql } from '../../src/core/fql/read.ts';
import { renamedFilters, renamedFql } from '../../src/core/fql/renamed.ts';

const renamed = (text: string, id = 'ada-1815') => renamedFql(text, id, 'deleted-1');

test.each([
  ['userId = "ada-1815"', 'userId = "deleted-1"'],
  ['userId != \'ada-1815\' and event = "Left"', 'userId != "deleted-1" and event = "Left"'],
  ['userId = ada-1815', 'userId = "deleted-1"'],
  ['contains(anonymousId, "ada-1815")', 'contains(anonymousId, "deleted-1")'],
  ['traits.email = "ada-1815@example.com"', 'traits.email = "deleted-1@example.com"'],
  ['userId = "ada-18155"', 'userId = "ada-18155"'],
  ['userId = ', 'userId = '],
])('%s becomes %s', (before, after) => {
  expect(renamed(before)).toBe(after);
});

test('a short id is one only where ids are compared', () => {
  expect(renamed('userId = "42" and properties.size = "42"', '42')).toBe(
    'userId = "deleted-1" and properties.size = "42"',
  );
});

test('what is left can be read, and says nothing of him any more', () => {
  const field = fc.constantFrom('userId', 'anonymousId', 'properties.by', 'traits.name', 'event');
  const value = fc.constantFrom('ada-1815', 'the ada-1815 one', 'bob', 'ada');
  const condition = fc.tuple(field, value).map(([name, text]) => `${name} = "${text}"`);
  const filter = fc.array(condition, { minLength: 1, maxLength: 5 }).map((all) => all.join(' or '));
  fc.assert(
    fc.property(filter, (text) => {
      const other = renamed(text);
      expect(other).not.toContain('ada-1815');
      expect(readFql(other).ok).toBe(true);
      expect(renamed(other)).toBe(other);
    }),
  );
});

test('of what a run keeps only filters change', () => {
  const kept = { filter: { fql: 'userId = "ada-1815"', names: ['ada-1815'] }, exclude: null };
  expect(renamedFilters(kept, 'ada-1815', 'deleted-1')).toEqual({
    filter: { fql: 'userId = "deleted-1"', names: ['ada-1815'] },
    exclude: null,
  });
});
