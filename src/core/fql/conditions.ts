import { eventTypes } from '../event.ts';
import { nearestName } from '../nearest-name.ts';
import type { Tokens } from './read.ts';
import { FqlError, type Token } from './tokens.ts';
import { columnFields, orderings, pathRoots, type ColumnField, type Field, type Leaf } from './tree.ts';

/** The functions that there are. */
export const functionNames: readonly string[] = ['contains', 'match'];

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const literals: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };

/** `contains(field, "text")` or `match(field, "text*")`, of which the name stands next. @throws FqlError */
export function functionCall(tokens: Tokens, negated: boolean): Leaf {
  const name = tokens.next.text;
  if (!functionNames.includes(name)) tokens.fail('Expected contains(…) or match(…), the only functions');
  tokens.take();
  tokens.sign('(', `behind ${name}`);
  const place = tokens.next.offset;
  const field = fieldOf(tokens);
  if (field.kind === 'column' && (field.name === 'type' || field.name === 'source'))
    throw new FqlError(place, `${field.name} is compared with = and != alone: ${field.name} = "…".`);
  tokens.sign(',', `and a text behind the field: ${name}(event, "Order${name === 'match' ? '*' : ''}")`);
  const { next } = tokens;
  if (next.kind !== 'text') tokens.fail('Expected a text in double quotes');
  tokens.take();
  tokens.sign(')', `behind the text of ${name}`);
  if (name === 'contains') return { kind: 'text', test: 'contains', field, negated, value: next.value };
  return { kind: 'text', field, negated, ...pattern(next) };
}

/** A star stands for any text, at one end of the pattern. */
function pattern({
  value,
  offset,
}: Token & { kind: 'text' }): Pick<Leaf & { kind: 'text' }, 'test' | 'value'> {
  const rest = value.replace('*', '');
  if (rest.length === value.length || rest.includes('*') || !(value.endsWith('*') || value.startsWith('*')))
    throw new FqlError(
      offset,
      'Expected one star, at the start or at the end: match(event, "Order*"). For a text anywhere use contains(event, "Order").',
    );
  return { test: value.endsWith('*') ? 'starts' : 'ends', value: rest };
}

/** `field = value` and its like. @throws FqlError */
export function comparison(tokens: Tokens): Leaf {
  const field = fieldOf(tokens);
  const operator = operatorOf(tokens);
  const ordering = orderings.find((one) => one === operator);
  return ordering === undefined ? equality(tokens, field, operator === '!=') : order(tokens, field, ordering);
}

function operatorOf(tokens: Tokens): string {
  const { next } = tokens;
  const isOne = next.kind === 'sign' && (next.text.includes('=') || next.text === '<' || next.text === '>');
  if (isOne) return tokens.take().text;
  const word = next.kind === 'path' ? next.text.toLowerCase() : '';
  return tokens.fail(
    'Expected =, !=, <, <=, > or >= behind the field',
    word === 'in'
      ? 'A list of values is written (event = "A" or event = "B").'
      : word === 'contains' || word === 'match'
        ? `It is written ${word}(event, "…").`
        : word === 'is'
          ? 'Absence is written traits.email = null.'
          : '',
  );
}

function order(tokens: Tokens, field: Field, operator: (typeof orderings)[number]): Leaf {
  if (field.kind === 'column') tokens.fail(`${field.name} is a text, which is compared with = and != alone`);
  const { next } = tokens;
  if (next.kind !== 'number')
    tokens.fail(`Expected a number behind ${operator}, as only numbers have an order`);
  tokens.take();
  return { kind: 'order', field, operator, value: next.value };
}

function equality(tokens: Tokens, field: Field, negated: boolean): Leaf {
  const { offset } = tokens.next;
  const value = valueOf(tokens);
  if (value === true || value === false) {
    if (negated) throw new FqlError(offset, `Write = ${!value}: a flag is compared with = alone.`);
  }
  if (field.kind === 'column') checkColumnValue(field.name, value, offset);
  const isSource = field.kind === 'column' && field.name === 'source';
  return { kind: 'equals', field, negated, value: isSource ? String(value).toLowerCase() : value };
}

function valueOf(tokens: Tokens): string | number | boolean | null {
  const { next } = tokens;
  const expected = 'Expected a value: a text in double quotes, a number, true, false or null';
  if (next.kind === 'text' || next.kind === 'number') {
    tokens.take();
    return next.value;
  }
  if (next.kind !== 'path' || next.parts.length > 1 || tokens.second?.text === '(')
    return tokens.fail(expected);
  const word = next.parts[0]!;
  const lower = word.toLowerCase();
  if (lower === 'and' || lower === 'or') tokens.fail(expected);
  if (lower === 'undefined' || lower === 'none') tokens.fail(expected, 'Absence is written null.');
  if (next.text !== word) tokens.fail(expected);
  if (Object.hasOwn(literals, lower) && lower !== word) tokens.fail(expected, `It is written ${lower}.`);
  tokens.take();
  // A word without quotes is a text, as in the triggers of some of Segment's own destinations.
  return Object.hasOwn(literals, word) ? literals[word]! : word;
}

function checkColumnValue(name: ColumnField, value: unknown, offset: number): void {
  if (name === 'type' && !(eventTypes as readonly unknown[]).includes(value)) {
    const near = typeof value === 'string' ? nearestName(value, eventTypes) : null;
    const remedy = near === null ? '' : ` Did you mean "${near}"?`;
    throw new FqlError(offset, `Expected a type: ${quotedList(eventTypes)}.${remedy}`);
  }
  if (name === 'source' && !(typeof value === 'string' && uuid.test(value)))
    throw new FqlError(offset, 'Expected the id of a source in double quotes: GET /api/sources lists them.');
  if (value !== null && typeof value !== 'string')
    throw new FqlError(offset, `${name} is a text: write the value in double quotes, or null.`);
}

/** @throws FqlError unless a field stands next */
function fieldOf(tokens: Tokens): Field {
  const { next } = tokens;
  if (next.kind !== 'path') return tokens.fail('Expected a field such as event or properties.total');
  tokens.take();
  const [root = '', ...path] = next.parts;
  const isRoot = pathRoots.find((one) => one === root);
  if (isRoot !== undefined) {
    if (path.length > 0) return { kind: 'path', root: isRoot, path };
    throw new FqlError(next.offset, `Expected a member of ${root}, as in ${root}.plan.`);
  }
  const column = columnFields.find((one) => one === root);
  if (column !== undefined && path.length === 0) return { kind: 'column', name: column };
  throw new FqlError(next.offset, unknownField(next.text, root, path));
}

const known: readonly string[] = [...columnFields, ...pathRoots];
const fieldsText = `${columnFields.join(', ')}, and members of ${pathRoots.join(', ')}`;

function unknownField(text: string, root: string, path: readonly string[]): string {
  if (/^(?:timestamp|receivedAt|sentAt|originalTimestamp)$/i.test(root))
    return `${text} cannot be asked for: a replay's range chooses by time. Known are: ${fieldsText}.`;
  const inner = path[0];
  // `event.type` and `message.event` are written by those who think of the event as an object.
  const meant =
    inner !== undefined && known.includes(inner)
      ? path.join('.')
      : path.length === 0
        ? nearestName(root, known)
        : null;
  const hint = meant === null ? '' : ` Did you mean ${meant}?`;
  return `There is no field ${text} here. Known are: ${fieldsText}.${hint}`;
}

function quotedList(words: readonly string[]): string {
  return words.map((word) => JSON.stringify(word)).join(', ');
}
