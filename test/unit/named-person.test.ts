import fc from 'fast-check';
import { expect, test } from 'vitest';
import { names, patternInRow, patternOf, withoutPerson } from '../../src/core/named-person.ts';

const isNamed = (text: string, id: string) => names(text, patternOf(id));
const inRow = (text: string, id: string) => names(text, patternInRow(id));

const short = fc.oneof(
  fc.integer({ min: 0, max: 99_999 }).map(String),
  fc.integer({ min: -999, max: -1 }).map(String),
  fc.constantFrom(
    '2026',
    '1',
    '1.1',
    '1.2.3.4',
    '2026-01-01',
    '127.0.0.1',
    '100000',
    'a',
    'T',
    'Z',
    'v1',
    'e5',
  ),
);
const number = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.constantFrom('1', '1.1', '2026', '1e5', '100000'),
);
const word = fc.oneof(
  number,
  fc
    .date({ noInvalidDate: true, min: new Date('1970-01-01'), max: new Date('2040-01-01') })
    .map((date) => date.toISOString()),
  fc.ipV4(),
  fc.ipV6(),
  fc.tuple(fc.nat(20), fc.nat(20), fc.nat(99)).map((parts) => `v${parts.join('.')}`),
  fc.constantFrom(
    'A-1-B',
    'v1.2.3.4',
    'T1',
    'a1',
    '$1',
    '#42',
    '1%',
    'HTTP/1.1',
    '/v1/2026/1',
    '"quantity":1',
    '"n": 1.1',
  ),
);
const join = fc.constantFrom(' ', ', ', ': ', '; ', '\n', '\t', ' = ', '[', ']', '{', '}');

test('a short id is not found among numbers, times, versions and addresses', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(word, join)), short, (parts, id) => {
      expect(isNamed(parts.flat().join(''), id)).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});

test('nor as a number, or the name of a member, of any JSON that says nothing of people', () => {
  const [name, nested] = [
    fc.constantFrom('1', '42', '2026', 'id', 'n', 'sku', 'groupId'),
    fc.constantFrom(0, 2),
  ];
  const value = fc.dictionary(name, fc.oneof(fc.integer(), fc.constantFrom(1, 42, 2026, 1.1)), {
    minKeys: 1,
  });
  fc.assert(
    fc.property(value, fc.constantFrom('1', '42', '2026'), nested, (json, id, indent) => {
      const text = JSON.stringify({ properties: json, items: [json] }, null, indent);
      expect(isNamed(text, id)).toBe(false);
      expect(isNamed(JSON.stringify({ text }), id)).toBe(false);
      expect(isNamed(text.slice(0, -3), id)).toBe(false);
    }),
  );
});

const anyId = fc.oneof(
  short,
  fc.string({ minLength: 1, maxLength: 12 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
  fc.constantFrom(
    'a.*+?^${}()|[]\\b',
    'x/y',
    'said "me"',
    '😀',
    'ада-1815',
    '\n',
    '\\',
    '\\\\',
    "o'neil",
    '</a>',
  ),
);

/** A text as JSON, each unit of it in one of the ways that JSON has. */
function escaped(text: string, choices: readonly number[]): string {
  const units = Array.from({ length: text.length }, (_, at) => text[at]!);
  const ways = (unit: string) => [
    JSON.stringify(unit).slice(1, -1),
    String.raw`\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    String.raw`\u${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
    unit === '/' ? String.raw`\/` : JSON.stringify(unit).slice(1, -1),
  ];
  return `"${units.map((unit, at) => ways(unit)[(choices[at % choices.length] ?? 0) % 4]).join('')}"`;
}

test('any id is found as a whole text of JSON, however it is escaped, also in JSON within JSON, and broken', () => {
  const choices = fc.array(fc.nat(3), { minLength: 1 });
  const around = fc.constantFrom(
    '{"by":@}',
    '[1,@ , 2]',
    '{\n "a" : [@]\n}',
    '@',
    '{"userId":@, broken',
    'x: @',
  );
  fc.assert(
    fc.property(anyId, choices, around, fc.nat(2), (id, ways, frame, depth) => {
      let text = frame.replace('@', () => escaped(id, ways));
      for (let level = 0; level < depth; level += 1) text = JSON.stringify({ body: text });
      expect(isNamed(text, id)).toBe(true);
      expect(inRow(text, id)).toBe(true);
      expect(isNamed(text.replaceAll('\\"', String.raw`\u0022`), id)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['{"userId": 1}', '1', true],
  ['{"userId":1,', '1', true],
  [String.raw`{\"anonymousId\":1}`, '1', true],
  ['{"user_id": 1.0}', '1', false],
  ['{"userId": 12}', '1', false],
  ['{"userId": -1}', '1', false],
  ['{"previousId": 12345678901234567890}', '12345678901234567890', true],
  ['{"identifiers":{"id":7}}', '7', true],
  ['{"products":[{"id":7}]}', '7', false],
  ['no user "bob" here', 'bob', true],
  ["no user 'bob' here", 'bob', true],
  ['no user bob here', 'bob', false],
  ['no user user-42 here', 'user-42', true],
  ['to USER-42@example.com', 'user-42', true],
  ['to user-421', 'user-42', false],
  [String.raw`"Hello\nuser-42"`, 'user-42', true],
  ['"total":123456', '123456', false],
  ['{"userId": "ann", "user_id": "ann"}', 'userId', false],
  ['{"userId": "ann", "user_id": "ann"}', 'user_id', false],
  ['{"by": "userId"}', 'userId', true],
  ['{"user-42": 1}', 'user-42', true],
  ['no margarethe here', 'margarethe', true],
  ['no 4915112345678 here', '4915112345678', true],
])('%s names %s: %s', (text, id, named) => {
  expect(isNamed(text, id)).toBe(named);
});

test.each([
  ['bob,track,1', 'bob', true],
  ['track;bob', 'bob', true],
  ['track,bobby', 'bob', false],
  ['track,1,2026', '1', false],
  ['1234567,track', '1234567', true],
])('the row %s names %s: %s', (text, id, named) => {
  expect(inRow(text, id)).toBe(named);
});

test('a value without somebody is the same but for him, and does not name him any more', () => {
  fc.assert(
    fc.property(anyId, fc.jsonValue(), (id, other) => {
      const left = withoutPerson({ userId: id, deep: [{ userId: id }], other }, id, '-');
      expect(left).toMatchObject({ userId: '-', deep: [{ userId: '-' }] });
      fc.pre(!JSON.stringify('-').includes(id));
      expect(withoutPerson(left, id, '-')).toEqual(left);
    }),
  );
  const answer = { id: 'a', name: '2026', userId: 2026, at: '2026-01-01', n: 2026, 2026: ['the "2026" one'] };
  expect(withoutPerson(answer, '2026', '-')).toEqual({
    ...answer,
    name: '-',
    userId: '-',
    2026: ['the "-" one'],
  });
  expect(withoutPerson({ 'user-42': 'of user-42' }, 'user-42', '-')).toEqual({ '-': 'of -' });
});

test('a row of backslashes, blanks or quotes takes no longer than others', () => {
  const begun = performance.now();
  for (const char of ['\\', ' ', '"', '\\"', '\\u005c', '{', ',', ':', 'userId:'])
    for (const id of ['1', 'user-42', '\\'.repeat(9), `${'\\'.repeat(20)}user`, `x${'"'.repeat(9)}`])
      expect(names(char.repeat(30_000), patternInRow(id))).toBe(false);
  expect(performance.now() - begun).toBeLessThan(20_000);
}, 60_000);
