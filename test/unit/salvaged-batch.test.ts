import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { salvageBatch } from '../../src/core/salvaged-batch.ts';
import { anyJson, objectText, whitespace } from '../support/json-text.ts';

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
  '{"a":NaN,"b":[{"type":"x"},{"type":"y"},{"type":"z"}]}',
);

/** What a batch was found to hold, each as it was sent; null: it was refused. */
const textsOf = (batch: string, maxItems = 100) =>
  salvageBatch(bytes(batch), maxItems)?.items.map((item) => Buffer.from(item).toString()) ?? null;

test('items that are no JSON are undefined, everything else is read as if they were not there', () => {
  const item = fc.oneof(
    anyJson.map(({ text }) => ({ text, good: true })),
    illegible.map((text) => ({ text, good: false })),
  );
  const items = fc.array(item, { minLength: 1, maxLength: 8 }).filter((all) => all.some(({ good }) => !good));
  fc.assert(
    fc.property(items, anyJson, anyJson, whitespace, (all, before, behind, space) => {
      const request = (inside: string) =>
        `{"context":${before.text},"batch":[${inside}],"more":${behind.text}}`;
      const batch = (of: (one: (typeof all)[number]) => string) =>
        request(all.map(of).join(`${space},${space}`) + space);
      const expected = JSON.parse(batch(({ text, good }) => (good ? text : '0'))) as { batch: unknown[] };
      all.forEach(({ good }, index) => good || (expected.batch[index] = undefined));
      const sent = batch(({ text }) => text);
      const salvaged = salvageBatch(bytes(sent), 8);
      expect(salvaged?.value).toEqual(expected);
      expect(textsOf(sent, 8)).toEqual(all.map(({ text }) => text));
      expect(Buffer.from(salvaged!.around).toString()).toBe(request(`0${space}`));
      expect(salvageBatch(bytes(sent), all.length - 1)).toBeNull();
    }),
    { numRuns: 500 },
  );
});

describe('quotes too many', () => {
  const good = (n: number) => `{"type":"track","userId":"u","event":"good ${n}"}`;
  const odd = '{"type":"track","event":"5" tall"}';
  const inner = '{"type":"track","event":"x","properties":{"size":"5" tall"}}';
  const even = '{"type":"track","event":"a "good" one"}';
  const request = (...items: string[]) =>
    `{"batch":[${items.join(', ')}],"context":{"a":[{"b":1}]},"c":[{}]}`;

  test.each([
    ['before others', [odd, good(1), good(2)]],
    ['twice, with others between them', [good(0), odd, good(1), good(2), odd, good(3)]],
    ['on several levels', [odd, good(1), inner, good(2), inner, good(3)]],
    ['in pairs', [good(0), even, good(1), even]],
    ['in neighbours', [good(0), odd, odd, good(1)]],
    ['in the last item', [good(0), odd]],
  ])('%s refuse the request: where its items end cannot be told', (_, items) => {
    expect(textsOf(request(...items))).toBeNull();
  });

  test('and so do brackets too many or too few', () => {
    const open = '{"type":"track","properties":{"a":NaN}';
    const closed = '{"type":"track","properties":NaN}}';
    expect(textsOf(request(open, good(1), closed))).toBeNull();
    expect(textsOf(request(open, good(1)))).toBeNull();
    expect(textsOf(request(good(0), closed, good(1)))).toBeNull();
  });
});

/** The broken text of an item: a quote, bracket or comma too many, one too few, or NaN. */
const broken = fc
  .tuple(
    fc.constantFrom<string>(
      '{"type":"track","event":"5","userId":"u"}',
      '{"type":"page","properties":{"a":"b","c":{"d":"e"}},"x":1}',
      '{"type":"track","products":[{"a":"b"},{"type":"c"},{"d":["e"]}]}',
    ),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.oneof(
          { weight: 2, arbitrary: fc.constant('NaN') },
          fc.constantFrom('"', '" x', '"x"', '}', '{', ']', '[', ',', ''),
        ),
      ),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
  )
  .map(([text, changes]) =>
    changes.reduce((changed, [place, insert]) => {
      const at = 1 + (place % (changed.length - 2));
      return changed.slice(0, at) + insert + changed.slice(insert === '' ? at + 1 : at);
    }, text),
  )
  .filter((text) => !isJson(text));

const bare = (text: string) => text.replaceAll(/[\s,]/g, '');

const event = objectText(anyJson, ['type', 'userId', 'products']).map(({ text }) =>
  text.replace(/\}$/, `${/^\{\s*\}$/.test(text) ? '' : ','}"type":"track"}`),
);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test('however an item is broken, no event is part of another item, and nothing is left out', () => {
  const item = fc.oneof(
    { weight: 3, arbitrary: event.map((text) => ({ text, good: true })) },
    { weight: 1, arbitrary: broken.map((text) => ({ text, good: false })) },
  );
  const runs = { all: 0, salvaged: 0 };
  fc.assert(
    fc.property(fc.array(item, { minLength: 2, maxLength: 7 }), whitespace, (all, space) => {
      fc.pre(all.some(({ good }) => !good));
      const inside = all.map(({ text }) => text).join(`${space},${space}`);
      const found = textsOf(`{"batch":[${inside}],"context":{"a":["b"]}}`);
      runs.all++;
      if (found === null) return;
      runs.salvaged++;
      const whole = all.filter(({ good }) => good).map(({ text }) => text);
      const read = found.filter((text) => isJson(text));
      expect(read.filter((text) => whole.includes(text))).toEqual(whole);
      expect(bare(found.join())).toBe(bare(inside));
    }),
    { numRuns: 5_000 },
  );
  expect(runs.salvaged / runs.all).toBeGreaterThan(0.1);
});

test('whatever comes ends: as nothing, or with each item where it stood', () => {
  const piece = fc.constantFrom(...'{}[],:"\\0 aé'.split(''), '"batch"', '{"batch":[', 'NaN', ']}', 'null');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      const salvaged = salvageBatch(bytes(text), 100);
      if (salvaged === null) return;
      const around = Buffer.from(salvaged.around).toString();
      const items = textsOf(text)!;
      const escaped = items.map((item) => item.replaceAll(/[^a-z0-9]/gi, String.raw`\$&`));
      const inside = new RegExp(`^${escaped.join(String.raw`\s*,\s*`)}$`);
      const stands = ({ index }: RegExpExecArray) => {
        const [before, behind] = [around.slice(0, index), around.slice(index + 1)];
        const between = text.slice(before.length, text.length - behind.length);
        return text.startsWith(before) && text.endsWith(behind) && inside.test(between);
      };
      expect([...around.matchAll(/0/g)].some(stands)).toBe(true);
      expect(salvaged.value['batch']).toEqual(
        items.map((item) => (isJson(item) ? (JSON.parse(item) as unknown) : undefined)),
      );
      expect(items.every(isJson)).toBe(false);
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
  expect(salvageBatch(bytes(text), 10)).toBeNull();
});
