import fc from 'fast-check';
import type { EventColumns } from '../../src/core/event.ts';
import type { Field, FqlTree, Leaf } from '../../src/core/fql/tree.ts';

/** An event as destinations get it, as far as filters ask about it. */
export interface Asked {
  readonly type: EventColumns['type'];
  readonly event?: string;
  readonly name?: string;
  readonly userId?: string;
  readonly anonymousId?: string;
  readonly messageId: string;
  readonly properties?: Record<string, unknown>;
  readonly traits?: Record<string, unknown>;
  readonly context?: Record<string, unknown>;
}

export const sourceIds = ['6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e', 'b1f0d7c2-9a34-4e6b-8c15-7d2e4f6a8b90'];

const words = ['', 'A', 'Order', 'Order Completed', 'Completed', 'null', 'true', '10', 'größe 🙂', '\uFFFD'];
const word = fc.constantFrom(...words);
const number = fc.constantFrom(-2.5, 0, 1, 10, 100);
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
const scalar = fc.oneof(word, number, fc.boolean(), fc.constant(null));
const object = fc
  .record({
    plan: maybe(scalar),
    'order id': maybe(scalar),
    items: maybe(fc.array(fc.record({ sku: scalar }), { maxLength: 2 })),
    inner: maybe(fc.oneof(fc.record({ total: maybe(scalar) }), fc.constant(null))),
  })
  .map(withoutAbsent);

/** Random events: few values each, so that conditions often hold. */
export const askedEvents: fc.Arbitrary<Asked> = fc
  .record({
    type: fc.constantFrom('track', 'page', 'screen', 'identify', 'group', 'alias'),
    called: maybe(word.filter((name) => name !== '')),
    userId: maybe(word.filter((id) => id !== '')),
    anonymousId: maybe(word.filter((id) => id !== '')),
    messageId: fc.constantFrom('m-1', 'm-2'),
    properties: maybe(object),
    traits: maybe(object),
    context: maybe(object),
  })
  .map(
    ({ called, type, ...rest }) =>
      withoutAbsent({
        type,
        ...rest,
        ...(type === 'track' && { event: called ?? 'A' }),
        ...((type === 'page' || type === 'screen') && { name: called }),
      }) as unknown as Asked,
  );

function withoutAbsent(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

/** The columns that the archive has of an event. */
export function columnsOf(event: Asked, sourceId: string): EventColumns {
  const { type, messageId, userId = null, anonymousId = null } = event;
  const at = new Date(0);
  const name = event.event ?? event.name ?? null;
  const fixed = { receivedAt: at, timestamp: at, origin: 'tracking_api', live: true } as const;
  return { ...fixed, sourceId, type, name, userId, anonymousId, messageId };
}

const pathOf = (...ways: string[][]) =>
  fc.record({
    kind: fc.constant('path' as const),
    root: fc.constantFrom('properties', 'traits', 'context'),
    path: fc.constantFrom(...ways),
  });
const path = pathOf(['plan'], ['order id'], ['inner', 'total'], ['none']);
/** Segment's parser knows no items of lists. */
const listPath = pathOf(['items', '0', 'sku'], ['items', '1', 'sku']);
const columns = (...names: ('event' | 'name' | 'userId' | 'anonymousId' | 'messageId')[]) =>
  fc.record({ kind: fc.constant('column' as const), name: fc.constantFrom(...names) });
const negated = fc.boolean();
const test = fc.constantFrom('contains', 'starts', 'ends');

function leaves(field: fc.Arbitrary<Field>, values: fc.Arbitrary<string | number | boolean | null>) {
  return fc.oneof(
    fc
      .record({ kind: fc.constant('equals' as const), field, negated, value: values })
      .map((leaf) => (typeof leaf.value === 'boolean' ? { ...leaf, negated: false } : leaf)),
    fc.record({ kind: fc.constant('text' as const), field, test, negated, value: word }),
  ) as fc.Arbitrary<Leaf>;
}

const typeLeaf = fc.record({
  kind: fc.constant('equals' as const),
  field: fc.constant({ kind: 'column', name: 'type' } as const),
  negated,
  value: fc.constantFrom('track', 'page', 'identify'),
});
const sourceLeaf = fc.record({
  kind: fc.constant('equals' as const),
  field: fc.constant({ kind: 'column', name: 'source' } as const),
  negated,
  value: fc.constantFrom(...sourceIds),
});
const orderLeaf = fc.record({
  kind: fc.constant('order' as const),
  field: path,
  operator: fc.constantFrom('<', '<=', '>', '>='),
  value: number,
});

const values = fc.oneof(word, number, fc.boolean(), fc.constant(null));
/** Conditions that Segment's parser reads as they are meant. */
const plainLeaf = fc.oneof(
  typeLeaf,
  orderLeaf,
  leaves(path, values),
  leaves(columns('event'), word),
  leaves(columns('name', 'userId'), fc.oneof(word, fc.constant(null))),
) as fc.Arbitrary<Leaf>;
const columnLeaf = fc.oneof(
  typeLeaf,
  sourceLeaf,
  leaves(columns('event', 'name', 'userId', 'anonymousId', 'messageId'), fc.oneof(word, fc.constant(null))),
) as fc.Arbitrary<Leaf>;

const joint = fc.constantFrom('all', 'any');
const joined = (part: fc.Arbitrary<FqlTree>): fc.Arbitrary<FqlTree> =>
  fc.record({ kind: joint, parts: fc.array(part, { minLength: 2, maxLength: 4 }) });
const nested = (leaf: fc.Arbitrary<Leaf>): fc.Arbitrary<FqlTree> =>
  fc.letrec<{ tree: FqlTree }>((tie) => ({
    tree: fc.oneof({ depthSize: 'small' }, leaf, joined(tie('tree'))),
  })).tree;

/** Filters of one level of groups without functions in them, which is as much as Segment's parser understands. */
export const plainTrees = fc.oneof(
  plainLeaf,
  joined(fc.oneof(plainLeaf, joined(plainLeaf.filter(({ kind }) => kind !== 'text')))),
);
export const columnTrees = nested(columnLeaf);
export const anyTrees = nested(fc.oneof(plainLeaf, columnLeaf, leaves(listPath, values)));

/** The tokens of a filter's text. */
export function tokensOfTree(tree: FqlTree, inner = false): string[] {
  if ('parts' in tree) {
    const word = tree.kind === 'all' ? 'and' : 'or';
    const tokens = tree.parts.flatMap((part, index) => [
      ...(index === 0 ? [] : [word]),
      ...tokensOfTree(part, true),
    ]);
    return inner ? ['(', ...tokens, ')'] : tokens;
  }
  const field = fieldText(tree.field);
  if (tree.kind === 'order') return [field, tree.operator, String(tree.value)];
  if (tree.kind === 'equals') return [field, tree.negated ? '!=' : '=', valueText(tree.value)];
  const text = { contains: tree.value, starts: `${tree.value}*`, ends: `*${tree.value}` }[tree.test];
  const name = tree.test === 'contains' ? 'contains' : 'match';
  return [`${tree.negated ? '!' : ''}${name}`, '(', field, ',', valueText(text), ')'];
}

/** As Segment writes it: the name of a function stands right before its parenthesis. */
export function textOfTokens(tokens: readonly string[]): string {
  return tokens.join(' ').replaceAll(/(contains|match) \(/g, '$1(');
}

const valueText = (value: string | number | boolean | null) =>
  typeof value === 'string' ? `"${value}"` : String(value);

function fieldText(field: Field): string {
  if (field.kind === 'column') return field.name;
  const parts = field.path.map((part) => part.replaceAll(' ', '\\ '));
  return [field.root, ...parts].join('.');
}

/** What a filter means, told a second time: over the whole event as one object. */
export function meaning(tree: FqlTree, event: Asked & { source: string }): boolean {
  if (tree.kind === 'all') return !tree.parts.some((part) => !meaning(part, event));
  if (tree.kind === 'any') return tree.parts.filter((part) => meaning(part, event)).length > 0;
  const { field } = tree as Leaf;
  const way = field.kind === 'column' ? [field.name] : [field.root, ...field.path];
  const actual =
    way.reduce<unknown>(
      (found, key) => (found as Record<string, unknown> | null | undefined)?.[key],
      event,
    ) ?? null;
  return meaningOf(tree as Leaf, actual);
}

function meaningOf(leaf: Leaf, actual: unknown): boolean {
  if (leaf.kind === 'text') {
    if (typeof actual !== 'string') return false;
    const at = actual.indexOf(leaf.value);
    const ends = actual.lastIndexOf(leaf.value);
    const found = {
      contains: at >= 0,
      starts: at === 0,
      ends: ends >= 0 && ends + leaf.value.length === actual.length,
    }[leaf.test];
    return leaf.negated ? !found : found;
  }
  if (leaf.kind === 'order') {
    if (typeof actual !== 'number') return false;
    const sign = Math.sign(actual - leaf.value);
    return { '<': [-1], '<=': [-1, 0], '>': [1], '>=': [0, 1] }[leaf.operator].includes(sign);
  }
  if (typeof leaf.value === 'number' && typeof actual !== 'number') return false;
  return leaf.negated ? actual !== leaf.value : actual === leaf.value;
}
