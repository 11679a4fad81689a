import type { EventColumns } from '../event.ts';
import { namedField, type ColumnField, type Field, type FqlTree, type Leaf } from './tree.ts';

/** The columns that filters ask for. */
export type AskedColumns = Pick<
  EventColumns,
  'type' | 'name' | 'userId' | 'anonymousId' | 'messageId' | 'sourceId'
>;

/** What stands at a field; undefined: nothing. */
type ReadField = (field: Field) => unknown;

/** What columns cannot tell. */
const untold = Symbol('untold');

/**
 * Decides a filter by columns alone, as far as they tell: `type = "track" and properties.total > 9` is false for every
 * page call, whatever its text says. @returns null: the event's text has to be asked
 */
export function decideByColumns(tree: FqlTree, event: AskedColumns): boolean | null {
  return decide(tree, (field) => (field.kind === 'column' ? columnOf(event, field.name) : untold));
}

/** Decides a filter by an event's columns and its parsed text, which is the completed event. */
export function decideByText(tree: FqlTree, event: AskedColumns, text: unknown): boolean {
  const decided = decide(tree, (field) =>
    field.kind === 'column' ? columnOf(event, field.name) : memberOf(text, [field.root, ...field.path]),
  );
  return decided === true;
}

/**
 * What the archive's columns say of a field, so that no filter depends on how an id was written: a number is a text
 * there, and NUL is U+FFFD. Only track calls have an `event`, only page and screen calls a `name`.
 */
function columnOf(event: AskedColumns, name: ColumnField): string | null {
  if (name === 'source') return event.sourceId;
  if (name !== 'event' && name !== 'name') return event[name];
  return namedField(event.type) === name ? event.name : null;
}

/** Members of objects and items of lists, their own ones: what every object inherits is not there. */
function memberOf(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}

function decide(tree: FqlTree, read: ReadField): boolean | null {
  if (!('parts' in tree)) {
    const actual = read(tree.field);
    return actual === untold ? null : holds(tree, actual);
  }
  const decisive = tree.kind === 'any';
  let open = false;
  for (const part of tree.parts) {
    const decided = decide(part, read);
    if (decided === decisive) return decisive;
    if (decided === null) open = true;
  }
  return open ? null : !decisive;
}

/**
 * Whether a condition holds for a value. What has another type than the condition asks about is no match, negated or
 * not; only `!=` with a text holds for whatever is not that text. Source: validate.ts of
 * @segment/destination-subscriptions 3.37.0.
 */
function holds(leaf: Leaf, actual: unknown): boolean {
  switch (leaf.kind) {
    case 'equals':
      return equals(actual, leaf.value, leaf.negated);
    case 'order':
      return typeof actual === 'number' && inOrder(actual, leaf.operator, leaf.value);
    case 'text':
      return typeof actual === 'string' && looksLike(actual, leaf) !== leaf.negated;
  }
}

function equals(actual: unknown, value: (Leaf & { kind: 'equals' })['value'], negated: boolean): boolean {
  if (value === null) return (actual === undefined || actual === null) !== negated;
  if (typeof value === 'number') return typeof actual === 'number' && (actual === value) !== negated;
  return (actual === value) !== negated;
}

function inOrder(actual: number, operator: string, value: number): boolean {
  if (operator === '<') return actual < value;
  if (operator === '<=') return actual <= value;
  return operator === '>' ? actual > value : actual >= value;
}

function looksLike(actual: string, { test, value }: Leaf & { kind: 'text' }): boolean {
  if (test === 'contains') return actual.includes(value);
  return test === 'starts' ? actual.startsWith(value) : actual.endsWith(value);
}
