import fc from 'fast-check';

/** As much of JSON Schema as the reference uses. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly example?: unknown;
}

export type Resolve = (ref: string) => JsonSchema;
type Any = fc.Arbitrary<unknown>;

/** Ids of things that there are, or were; `name` is that of the member or parameter that asks for one. */
export type IdsFor = (name: string) => fc.Arbitrary<string>;

/** Values that a schema takes, as far as the schema says it. @param name of the member that has it */
export function valuesOf(schema: JsonSchema, resolve: Resolve, ids: IdsFor, name = ''): Any {
  const below = (one: JsonSchema, member = name): Any => valuesOf(one, resolve, ids, member);
  if (schema.$ref !== undefined) return below(resolve(schema.$ref));
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const parts = schema.anyOf ?? schema.oneOf;
  if (parts !== undefined) return fc.oneof(...parts.map((one) => below(one)));
  if (schema.allOf !== undefined) return below(schema.allOf[0]!);
  if (Array.isArray(schema.type)) {
    return fc.oneof(...schema.type.map((type: string) => below({ ...schema, type })));
  }
  return ofType(schema, below, ids(name));
}

function ofType(
  schema: JsonSchema,
  below: (one: JsonSchema, name?: string) => Any,
  ids: fc.Arbitrary<string>,
): Any {
  switch (schema.type) {
    case 'string':
      return textsOf(schema, ids);
    case 'integer':
    case 'number':
      return numbersOf(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(below(schema.items ?? {}), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 4, (schema.minItems ?? 0) + 4),
      });
    case 'object':
      return objectsOf(schema, below);
    default:
      return fc.jsonValue({ maxDepth: 3 });
  }
}

function objectsOf(schema: JsonSchema, below: (one: JsonSchema, name?: string) => Any): Any {
  const members = Object.fromEntries(
    Object.entries(schema.properties ?? {}).map(([name, member]) => [name, below(member, name)]),
  );
  const known = fc.record(members, { requiredKeys: [...(schema.required ?? [])] });
  const more = schema.additionalProperties;
  if (more === undefined || more === false) return known;
  const others = fc.dictionary(fc.string({ maxLength: 12 }), more === true ? fc.jsonValue() : below(more), {
    maxKeys: 3,
  });
  return fc.tuple(others, known).map(([other, own]) => ({ ...other, ...own }));
}

/** Letters of a keyboard, and any other character but NUL. */
const characters = fc
  .oneof(
    { weight: 3, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 0xd7ff }) },
    { weight: 1, arbitrary: fc.integer({ min: 0xe000, max: 0x10ffff }) },
  )
  .map((point) => String.fromCodePoint(point));

const instants = fc
  .date({ min: new Date('1970-01-01'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
  .map((date) => date.toISOString());

function textsOf(
  { format, pattern, minLength = 0, maxLength = 60, example }: JsonSchema,
  ids: fc.Arbitrary<string>,
): Any {
  const examples = typeof example === 'string' ? [{ weight: 2, arbitrary: fc.constant(example) }] : [];
  if (format === 'uuid') return fc.oneof({ weight: 5, arbitrary: ids }, fc.uuid());
  if (format === 'date-time') return instants;
  if (format === 'uri') return fc.constantFrom('https://example.com/events', 'http://127.0.0.1:1/x');
  if (pattern !== undefined) return fc.oneof(fc.stringMatching(new RegExp(pattern)), ...examples);
  const longest = Math.min(maxLength, minLength + 60);
  return fc.oneof(
    { weight: 3, arbitrary: fc.string({ minLength, maxLength: longest, unit: characters }) },
    ...examples,
  );
}

function numbersOf(schema: JsonSchema): Any {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const isWhole = schema.type === 'integer';
  const min = minimum ?? (exclusiveMinimum === undefined ? -1_000 : exclusiveMinimum + (isWhole ? 1 : 0.001));
  const max = maximum ?? (exclusiveMaximum === undefined ? min + 1_000_000 : exclusiveMaximum - 1);
  const edges = fc.constantFrom(min, max);
  if (isWhole) return fc.oneof(fc.integer({ min: Math.ceil(min), max: Math.min(max, min + 500) }), edges);
  return fc.oneof(fc.double({ min, max, noNaN: true }), edges);
}
