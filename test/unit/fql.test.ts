// oxlint-disable-next-line import/default -- CommonJS, of which Node sees no names
import library from '@segment/destination-subscriptions';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideByColumns, decideByText } from '../../src/core/fql/decide.ts';
import { faultText, fqlLimit, readFql } from '../../src/core/fql/read.ts';
import { isOfColumns, type FqlTree } from '../../src/core/fql/tree.ts';
import {
  anyTrees,
  askedEvents,
  columnsOf,
  columnTrees,
  meaning,
  plainTrees,
  sourceIds,
  textOfTokens,
  tokensOfTree,
  type Asked,
} from '../support/fql.ts';

const [source = ''] = sourceIds;
const runs = { numRuns: 500 };

const treeOf = (text: string): FqlTree => {
  const read = readFql(text);
  if (!read.ok) throw new Error(`${text}\n${faultText(read.fault)}`);
  return read.tree;
};
const decide = (tree: FqlTree, event: Asked) => {
  const columns = columnsOf(event, source);
  return decideByColumns(tree, columns) ?? decideByText(tree, columns, event);
};
const matches = (text: string, event: Partial<Asked>) =>
  decide(treeOf(text), { type: 'track', messageId: 'm-1', ...event });
const libraryMatches = (text: string, event: Asked) => {
  const { parseFql, validate } = library;
  const parsed = parseFql(text);
  if ('error' in parsed) throw parsed.error;
  return validate(parsed, event);
};
const isPlain = (tree: FqlTree, depth = 0): boolean => {
  if ('parts' in tree) return depth < 2 && tree.parts.every((part) => isPlain(part, depth + 1));
  return depth < 2 || tree.kind !== 'text';
};

describe('what a filter means', () => {
  it('is what Segment’s own library makes of it, where that understands it', () => {
    fc.assert(
      fc.property(plainTrees, askedEvents, (tree, event) => {
        const text = textOfTokens(tokensOfTree(tree));
        expect(decide(treeOf(text), event)).toBe(libraryMatches(text, event));
      }),
      runs,
    );
  });

  it('is what its tree says, told a second time', () => {
    fc.assert(
      fc.property(anyTrees, askedEvents, (tree, event) => {
        const text = textOfTokens(tokensOfTree(tree));
        expect(decide(treeOf(text), event)).toBe(meaning(tree, { ...event, source }));
      }),
      runs,
    );
  });

  it('is decided without the event’s text where columns tell it, to the same end', () => {
    fc.assert(
      fc.property(columnTrees, askedEvents, (tree, event) => {
        const columns = columnsOf(event, source);
        expect(isOfColumns(tree)).toBe(true);
        expect(decideByColumns(tree, columns)).toBe(decideByText(tree, columns, event));
      }),
      runs,
    );
    fc.assert(
      fc.property(anyTrees, askedEvents, (tree, event) => {
        const columns = columnsOf(event, source);
        const byColumns = decideByColumns(tree, columns);
        if (byColumns !== null) expect(byColumns).toBe(decideByText(tree, columns, event));
      }),
      runs,
    );
  });

  it('is lost by no change of a text: what is read says what Segment’s library reads, or it is refused', () => {
    let read = 0;
    fc.assert(
      fc.property(plainTrees, askedEvents, fc.nat(), fc.nat(2), (tree, event, at, kind) => {
        const tokens = tokensOfTree(tree);
        const place = at % tokens.length;
        const other = tokens[(at * 7) % tokens.length]!;
        tokens.splice(place, kind === 1 ? 0 : 1, ...(kind === 0 ? [] : [other]));
        const text = textOfTokens(tokens);
        const ours = readFql(text);
        // `event = null` and `type = null` are comparisons with the text "null" there.
        if (!ours.ok || !isPlain(ours.tree) || /(?:event|type) !?= null/.test(text)) return;
        read += 1;
        expect(decide(ours.tree, event), text).toBe(libraryMatches(text, event));
      }),
      runs,
    );
    expect(read).toBeGreaterThan(20);
  });

  it.each([
    ['properties.plan.length > 1', { properties: { plan: 'pro' } }, false],
    ['properties.items.length > 1', { properties: { items: [1, 2] } }, true],
    ['properties.items.1.sku = "b"', { properties: { items: [{}, { sku: 'b' }] } }, true],
    ['properties.constructor != null', { properties: {} }, false],
    ['properties.__proto__.plan = "x"', { properties: JSON.parse('{"__proto__":{"plan":"x"}}') }, true],
    ['properties.inner.total = 0', { properties: { inner: 0 } }, false],
    ['properties.\\$first\\ name = "Ann"', { properties: { '$first name': 'Ann' } }, true],
    ['properties.größe >= 1', { properties: { größe: 1 } }, true],
    ['properties.title = \'say "hi"\'', { properties: { title: 'say "hi"' } }, true],
    ['type = track AND event = "A"', { event: 'A' }, true],
    ['type = "page" OR event = "A"', { event: 'A' }, true],
    ['properties.total>=5', { properties: { total: 5 } }, true],
    ['(contains(event, "A") or contains(event, "B")) and userId != null', { event: 'B', userId: 'u' }, true],
    ['event = null', { event: 'A' }, false],
    ['name = "A"', { event: 'A', properties: { name: 'A' } }, false],
    ['!contains(properties.plan, "x")', {}, false],
    ['properties.plan != "x"', {}, true],
    ['properties.plan != 1', {}, false],
  ])('%s', (text, event, expected) => {
    expect(matches(text, event as Partial<Asked>)).toBe(expected);
  });
});

describe('a text that is refused', () => {
  it.each([
    ['', 0, 'a condition'],
    ['type =', 6, 'a value'],
    ['type = "track" and', 18, 'a condition'],
    ['and type = "track"', 0, 'a condition'],
    ['!(type = "track")', 1, 'Elsewhere say the opposite'],
    ['!type = "track"', 1, 'Elsewhere say the opposite'],
    ['type == "track"', 5, 'one "="'],
    ['type = "track", event = "A"', 14, '"and", "or" or the end'],
    ['type = "Identify"', 7, 'Did you mean "identify"?'],
    ['type = null', 7, 'Expected a type'],
    ['event.type = "track"', 0, 'Did you mean type?'],
    ['evnt = "A"', 0, 'Did you mean event?'],
    ['timestamp > 1', 0, 'range'],
    ['properties = "a"', 0, 'a member of properties'],
    ['event = "A" and name = "B" or userId = "C"', 27, 'parentheses'],
    ['match(event, "a*b")', 13, 'one star'],
    ['match(event, "*a*")', 13, 'contains'],
    ['match(event, "a")', 13, 'one star'],
    ['contains(type, "a")', 9, '= and !='],
    ['contains(event, 5)', 16, 'a text in double quotes'],
    ['contains(event "a")', 15, '","'],
    ['lowercase(event) = "a"', 0, 'the only functions'],
    ['event in ("a", "b")', 6, 'A list of values'],
    ['event < "b"', 8, 'compared with = and != alone'],
    ['properties.total >= "5"', 20, 'a number'],
    ['properties.paid != true', 19, 'Write = false'],
    ['properties.paid = True', 18, 'It is written true'],
    ['properties.at = 2026-01-01', 16, 'a number such as'],
    ['properties.n = 1e3', 15, 'a number such as'],
    ['properties.items[0].sku = "a"', 16, 'properties.products.0.sku'],
    ['properties.a\\.b = 1', 12, 'dot or a bracket'],
    ['properties. = 1', 11, 'behind the dot'],
    ['userId = 5', 9, 'double quotes'],
    ['source = "Shop"', 9, 'GET /api/sources'],
    ['event = "A', 8, 'not closed'],
    ['(event = "A"', 12, '")"'],
    ['()', 1, 'a condition'],
    ['event = "A")', 11, '"and", "or" or the end'],
    ['event = "A" && name = "B"', 12, '"and"'],
    [`${'('.repeat(21)}event = "A"${')'.repeat(21)}`, 20, 'at most 20'],
    ['a'.repeat(fqlLimit + 1), fqlLimit, 'at most'],
  ])('%s', (text, offset, message) => {
    const read = readFql(text);
    expect(read).toMatchObject({ ok: false, fault: { offset, message: expect.stringContaining(message) } });
  });

  it('is told by line and column', () => {
    const read = readFql('type = "track"\n  and event ~ "A"');
    expect(read).toMatchObject({ fault: { offset: 27, line: 2, column: 13 } });
    expect(!read.ok && faultText(read.fault)).toMatch(/^Line 2, column 13 \(offset 27\): "~" means/);
  });
});
