import fc from 'fast-check';

/** A JSON text together with what it is made of, so that tests need not trust any reader of JSON. */
export interface JsonText {
  readonly text: string;
  readonly kind: 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';
}

export interface ObjectText extends JsonText {
  readonly kind: 'object';
  readonly members: readonly { readonly keyText: string; readonly value: JsonText }[];
}

/** Up to two characters of whitespace as JSON has it. */
export const whitespace = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 2 });

/** A string literal: plain, or with every character as an escape. */
export const stringText = (content: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(content, fc.boolean())
    .map(([text, escaped]) => (escaped ? escapedText(text) : JSON.stringify(text)));

function escapedText(text: string): string {
  const units = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
}

/** Texts with what JSON, UTF-8 and UTF-16 make hard. */
export const content = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom(
    '',
    '\0',
    '\ud800',
    '"',
    '\\',
    '\\"',
    '{"a":[',
    '},]',
    'é',
    '😀',
    '\u2028',
    '\ufeff',
    '\uffff',
    'e\u0301',
    'a,',
  ),
);

const scalar: fc.Arbitrary<JsonText> = fc.oneof(
  stringText(content).map((text) => ({ text, kind: 'string' as const })),
  fc
    .constantFrom('"\\/\\b\\f"', '"\\u00E9\\uD83D\\uDE00"', '"\\uDE00\\uD83D"', '"\u007f\ufeff\uffff"')
    .map((text) => ({ text, kind: 'string' as const })),
  fc
    .constantFrom(
      '0',
      '-0',
      '1',
      '9007199254740993',
      '1e400',
      '-1.5E-7',
      '123456789012345678901234567890',
      '1.0',
    )
    .map((text) => ({ text, kind: 'number' as const })),
  fc.constantFrom('true', 'false').map((text) => ({ text, kind: 'boolean' as const })),
  fc.constant({ text: 'null', kind: 'null' as const }),
);

/** An object text whose keys come from `keys` (or are anything) and whose values come from `value`. */
export function objectText(
  value: fc.Arbitrary<JsonText>,
  keys: readonly string[] = [],
  maxLength = 5,
): fc.Arbitrary<ObjectText> {
  const key = fc.oneof(
    { weight: keys.length > 0 ? 4 : 0, arbitrary: fc.constantFrom(...keys, '__proto__') },
    { weight: 1, arbitrary: content },
    { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'toString') },
  );
  const member = fc.tuple(whitespace, stringText(key), whitespace, whitespace, value, whitespace);
  return fc.tuple(fc.array(member, { maxLength }), whitespace).map(([list, inner]) => ({
    kind: 'object' as const,
    text: `{${list.length === 0 ? inner : list.map(([a, k, b, c, v, d]) => `${a}${k}${b}:${c}${v.text}${d}`).join(',')}}`,
    members: list.map(([, keyText, , , v]) => ({ keyText, value: v })),
  }));
}

export function arrayText(value: fc.Arbitrary<JsonText>): fc.Arbitrary<JsonText & { items: JsonText[] }> {
  return fc.array(fc.tuple(whitespace, value, whitespace), { maxLength: 4 }).map((list) => ({
    kind: 'array' as const,
    text: `[${list.map(([a, v, b]) => `${a}${v.text}${b}`).join(',')}]`,
    items: list.map(([, v]) => v),
  }));
}

/** Any JSON text, up to three levels deep. */
export const anyJson: fc.Arbitrary<JsonText> = fc.oneof(
  { weight: 3, arbitrary: scalar },
  { weight: 1, arbitrary: arrayText(scalar) },
  { weight: 1, arbitrary: objectText(scalar) },
  { weight: 1, arbitrary: arrayText(objectText(fc.oneof(scalar, arrayText(scalar)))) },
);
