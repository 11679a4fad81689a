import fc from 'fast-check';

const texts = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  '\udfff\ud800',
  "'; drop table source; --",
  '${jndi:ldap://x}',
  '{{constructor.constructor}}',
  '../../etc/passwd',
  '%00',
  '%ff',
  '\r\nx-forged: 1',
  '\u202egnp.exe',
  '😀'.repeat(50),
  'é'.normalize('NFD'),
  'x'.repeat(70_000),
  'NaN',
  'null',
  'true',
  '1e999',
  '9223372036854775808',
  '-1',
  '0',
  '2026-02-30T00:00:00Z',
  '2026-10-14T02:00:00+99:99',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999Z',
  '0001-01-01T00:00:00-23:59',
  '9999-12-31T23:59:59-23:59',
  '-000001-01-01T00:00:00Z',
  '+275760-09-13T00:00:00Z',
  '00000000-0000-0000-0000-000000000000',
  'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
  '6c1f6e0a8a4e4d579d3b0f6a4c1f2b7e',
  '99999w',
  '00000m',
  'http://[::1]:5432/',
  'http://169.254.169.254/latest/meta-data',
  'https://user:password@example.com/',
  'http://example.com:99999/',
  'file:///etc/passwd',
  'javascript:alert(1)',
];
const others: readonly unknown[] = [
  null,
  true,
  false,
  [],
  {},
  [[]],
  [null],
  0,
  -0,
  -1,
  0.1,
  1e308,
  5e-324,
  2 ** 31,
  2 ** 53,
  2 ** 63,
  -(2 ** 63),
  nested(90),
  nested(3_000),
  Array.from({ length: 2_000 }, (_, at) => at),
  JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": 1}}'),
];

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** Any code point, halves of pairs and NUL included. */
const anything = fc.integer({ min: 0, max: 0x10ffff }).map((point) => String.fromCodePoint(point));

/** Texts that have broken programs before. */
export const hostileTexts: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...texts) },
  fc.string({ unit: anything, maxLength: 40 }),
);

/** Values of JSON that have. */
export const hostileValues: fc.Arbitrary<unknown> = fc.oneof(
  hostileTexts,
  fc.constantFrom(...others),
  fc.jsonValue({ maxDepth: 2 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** A change somewhere in a value: which place, what is done there, and with what. */
interface Change {
  readonly place: number;
  readonly how: 'replace' | 'drop' | 'add' | 'misspell' | 'wrap';
  readonly what: unknown;
}

const changes: fc.Arbitrary<Change> = fc.record({
  place: fc.nat(),
  how: fc.constantFrom('replace', 'replace', 'replace', 'drop', 'add', 'misspell', 'wrap'),
  what: hostileValues,
});

/** Values that are as they should be but for one or two places. */
export function nearly(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(values, fc.array(changes, { minLength: 1, maxLength: 2 }))
    .map(([value, done]) => done.reduce(changed, value));
}

function changed(value: unknown, change: Change): unknown {
  const places = placesOf(value);
  return at(value, places[change.place % places.length]!, change);
}

type Path = readonly (string | number)[];

function placesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null || path.length > 8) return [path];
  const members = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return [
    path,
    ...members
      .slice(0, 20)
      .flatMap((key) => placesOf((value as Record<string | number, unknown>)[key], [...path, key])),
  ];
}

function at(value: unknown, [key, ...rest]: Path, change: Change): unknown {
  if (key === undefined) return applied(value, change);
  if (Array.isArray(value))
    return value.map((item, index) => (index === key ? at(item, rest, change) : item));
  const members = Object.entries(value as object);
  if (rest.length === 0 && change.how === 'drop')
    return Object.fromEntries(members.filter(([name]) => name !== key));
  if (rest.length === 0 && change.how === 'misspell') {
    return Object.fromEntries(
      members.map(([name, member]) => [name === key ? `${name.slice(1)}x` : name, member]),
    );
  }
  return Object.fromEntries(
    members.map(([name, member]) => [name, name === key ? at(member, rest, change) : member]),
  );
}

function applied(value: unknown, { how, what }: Change): unknown {
  if (how === 'wrap') return [value];
  if (how === 'add' && typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return { ...value, unknown: what };
  }
  return what;
}
