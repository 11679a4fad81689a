import { z } from 'zod';
import { pointerTo } from '../core/json-place.ts';
import { nearestName } from '../core/nearest-name.ts';
import type { FieldFault } from './problem.ts';

export type Validated<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly errors: FieldFault[] };

/**
 * Checks a value that came from outside against a schema. Every fault comes with a JSON pointer and a remedy; an
 * unknown member is told by the nearest known name.
 * @param prefix where the value stands in the body, when it is only a part of it
 */
export function validate<S extends z.ZodType>(
  schema: S,
  value: unknown,
  prefix: readonly PropertyKey[] = [],
): Validated<z.output<S>> {
  const parsed = schema.safeParse(value, { error: describe });
  if (parsed.success) {
    const lost = lostMembers(value, parsed.data, prefix);
    return lost.length === 0 ? { ok: true, value: parsed.data } : { ok: false, errors: lost };
  }
  return { ok: false, errors: parsed.error.issues.flatMap((issue) => faultsOf(issue, schema, prefix)) };
}

function faultsOf(issue: z.core.$ZodIssue, schema: z.ZodType, prefix: readonly PropertyKey[]): FieldFault[] {
  const path = [...prefix, ...issue.path];
  if (issue.code !== 'unrecognized_keys') return [{ pointer: pointerTo(path), detail: issue.message }];
  const known = knownNames(schema, issue.path);
  return issue.keys.map((key) => ({ pointer: pointerTo([...path, key]), detail: unknownName(key, known) }));
}

/** Where members may have any name, zod leaves `__proto__` out without a word. */
function lostMembers(given: unknown, taken: unknown, path: readonly PropertyKey[]): FieldFault[] {
  if (!isObject(given) || !isObject(taken) || given === taken) return [];
  return Object.entries(given).flatMap(([name, member]): FieldFault[] => {
    if (Object.hasOwn(taken, name)) return lostMembers(member, taken[name], [...path, name]);
    if (name !== '__proto__') return [];
    return [{ pointer: pointerTo([...path, name]), detail: unknownName(name, []) }];
  });
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

function unknownName(asked: string, known: readonly string[]): string {
  const near = nearestName(asked, known);
  if (near !== null) return `"${clip(asked)}" is not known here. Did you mean "${near}"?`;
  if (known.length === 0) return `"${clip(asked)}" is not known here. Leave it out.`;
  return `"${clip(asked)}" is not known here. Leave it out; known are: ${known.join(', ')}.`;
}

const clip = (text: string) => (text.length <= 60 ? text : `${text.slice(0, 60)}…`);

/** The member names that a schema takes at a place, read from its JSON Schema. */
function knownNames(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let nodes = [jsonSchemaOf(schema)];
  for (const part of path) nodes = nodes.flatMap((node) => below(node, part));
  return [
    ...new Set(
      nodes.flatMap((node) => alternatives(node).flatMap((one) => Object.keys(one.properties ?? {}))),
    ),
  ];
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

function alternatives(node: JsonSchema): JsonSchema[] {
  return [node, ...[...(node.anyOf ?? []), ...(node.oneOf ?? [])].flatMap(alternatives)];
}

function below(node: JsonSchema, part: PropertyKey): JsonSchema[] {
  return alternatives(node).flatMap((one) => {
    const next = typeof part === 'number' ? one.items : one.properties?.[String(part)];
    return next === undefined ? [] : [next];
  });
}

const jsonSchemas = new WeakMap<z.ZodType, JsonSchema>();

function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const known = jsonSchemas.get(schema);
  if (known !== undefined) return known;
  const made = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  jsonSchemas.set(schema, made);
  return made;
}

/** Says a fault with its remedy where the schema itself says nothing better. */
function describe(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? `Missing: expected ${withArticle(issue.expected)}.`
        : `Expected ${withArticle(issue.expected)}.`;
    case 'invalid_value':
      return `Expected ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}.`;
    case 'too_small':
      return `Expected ${size('at least', issue.minimum, issue.origin, issue.inclusive !== false)}.`;
    case 'too_big':
      return `Expected ${size('at most', issue.maximum, issue.origin, issue.inclusive !== false)}.`;
    case 'invalid_format':
      return formats[issue.format];
    default:
      return undefined;
  }
}

const formats: Readonly<Record<string, string>> = {
  uuid: 'Expected an id (a UUID such as "6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e").',
  datetime: 'Expected an RFC 3339 time such as "2026-10-14T02:00:00Z".',
  url: 'Expected a URL such as "https://example.com/events".',
};

function withArticle(type: string): string {
  const name = type === 'int' ? 'integer' : type === 'string' ? 'text' : type;
  if (name === 'text') return 'a text';
  return /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`;
}

function size(bound: string, limit: number | bigint, origin: string, inclusive: boolean): string {
  const what = inclusive
    ? `${bound} ${limit}`
    : `${bound === 'at least' ? 'more than' : 'less than'} ${limit}`;
  const noun = origin === 'string' ? 'character' : origin === 'array' || origin === 'set' ? 'item' : null;
  if (noun === null) return what;
  return `${what} ${noun}${Number(limit) === 1 ? '' : 's'}`;
}
