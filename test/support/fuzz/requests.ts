import fc from 'fast-check';
import { hostileTexts, hostileValues, nearly } from './hostile.ts';
import { valuesOf, type JsonSchema, type Resolve } from './json-schema.ts';

interface Parameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly required?: boolean;
  readonly schema: JsonSchema;
}

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, object>>;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: JsonSchema; readonly examples?: Examples }>>;
  };
}
type Examples = Readonly<Record<string, { readonly value: unknown }>>;

/** The document as far as requests are made of it. */
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

/** A request to be sent. Texts of the form `<id sources 7>` and `<cursor 7>` stand for what answers have told until then. */
export interface Plan {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Where the body is cut, as a part of it; null: it is not. */
  readonly cut: number | null;
}

/** The list that has what a member names: `destinationId` is one of destinations. */
const listOf = (name: string) => /source|destination|replay/.exec(name)?.[0].concat('s') ?? 'any';
const ids = (name: string) => fc.nat({ max: 10_000 }).map((at) => `<id ${listOf(name)} ${at}>`);
/** Its addresses are no routes, and take write keys. */
export const isOfTracking = (path: string) => !/^\/(api(?!\/v[12](\/|$))|docs|healthz|readyz)/.test(path);

const cursors = fc.oneof(
  { weight: 4, arbitrary: fc.nat({ max: 10_000 }).map((at) => `<cursor ${at}>`) },
  {
    weight: 3,
    arbitrary: fc
      .array(fc.oneof(fc.constantFrom('sources', 'tokens', 'audit', 'events'), hostileValues), {
        maxLength: 4,
      })
      .map(asCursor),
  },
  fc
    .tuple(
      fc.constantFrom('sources', 'destinations', 'suppressions', 'imports', 'tokens', 'dead-letters'),
      fc.maxSafeInteger(),
      fc.uuid(),
    )
    .map(asCursor),
  fc.tuple(fc.constantFrom('audit', 'replays', 'events', 'rejected'), fc.maxSafeInteger()).map(asCursor),
  hostileTexts,
);

function asCursor(place: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** Requests to any of the document's operations: as it wants them, nearly so, and hostile. */
export function requestsOf(document: Document, left: (operationId: string) => boolean): fc.Arbitrary<Plan> {
  const resolve: Resolve = (ref) => document.components.schemas[ref.split('/').at(-1)!]!;
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([, operation]) => !left(operation.operationId))
      .map(([method, operation]) => ({
        weight: method === 'get' || isOfTracking(path) ? 1 : 2,
        arbitrary: requestsTo(method, path, operation, resolve),
      })),
  );
  return fc.oneof(...operations);
}

function requestsTo(
  method: string,
  path: string,
  operation: Operation,
  resolve: Resolve,
): fc.Arbitrary<Plan> {
  const { operationId, parameters = [] } = operation;
  const of = (place: Parameter['in']) => parameters.filter((parameter) => parameter.in === place);
  return fc.record({
    operationId: fc.constant(operationId),
    method: fc.constant(method.toUpperCase()),
    path: fc.constant(path),
    params: fc.record(
      Object.fromEntries(
        of('path').map((one) => [one.name, paramsOf(one, path.split('/')[2] ?? '', resolve)]),
      ),
    ),
    query: queriesOf(of('query'), resolve),
    headers: headersOf(operation),
    body: bodiesOf(operation, resolve),
    cut: rarely(fc.double({ min: 0, max: 1, noNaN: true }), 25).map((cut) => cut ?? null),
  });
}

function paramsOf({ schema }: Parameter, list: string, resolve: Resolve): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 16, arbitrary: fc.nat({ max: 10_000 }).map((at) => `<id ${list} ${at}>`) },
    { weight: 2, arbitrary: valuesOf(schema, resolve, ids).map(String) },
    { weight: 2, arbitrary: hostileTexts },
  );
}

function queriesOf(parameters: readonly Parameter[], resolve: Resolve): fc.Arbitrary<Plan['query']> {
  const valid = parameters.map((one) => {
    const values = one.name === 'cursor' ? cursors : valuesOf(one.schema, resolve, ids, one.name);
    const named = values.map((value): [string, string][] =>
      (Array.isArray(value) ? value : [value]).map((item) => [one.name, String(item)]),
    );
    return one.required === true ? named : rarely(named, 3).map((pairs) => pairs ?? []);
  });
  const names = [...parameters.map((one) => one.name), 'limti', '__proto__', 'limit[]', ''];
  const strange = fc.array(fc.tuple(fc.constantFrom(...names), fc.oneof(hostileTexts, cursors)), {
    minLength: 1,
    maxLength: 2,
  });
  const good = fc.tuple(...valid).map((pairs) => pairs.flat());
  return fc.oneof(
    { weight: 5, arbitrary: good },
    fc.tuple(good, strange).map(([first, second]) => [...first, ...second]),
  );
}

const headerTexts = hostileTexts.map((text) =>
  text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '').slice(0, 3_000),
);
const keys = fc.oneof({ weight: 3, arbitrary: fc.nat({ max: 60 }).map((at) => `key-${at}`) }, headerTexts);
const types = fc.constantFrom(
  'application/json; charset=utf-8',
  'text/plain',
  'application/json; charset=latin1',
  'multipart/form-data',
  '',
);
/** Once in so many times, else undefined. */
function rarely<T>(values: fc.Arbitrary<T>, oneIn: number): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: values });
}

function headersOf({ requestBody, parameters = [] }: Operation): fc.Arbitrary<Record<string, string>> {
  const [type = ''] = Object.keys(requestBody?.content ?? {});
  const hasKey = parameters.some((one) => one.name === 'Idempotency-Key');
  return fc
    .record({
      'content-type': fc.oneof({ weight: 15, arbitrary: fc.constant(type) }, types),
      'content-encoding': rarely(fc.constantFrom('gzip', 'br', 'identity', 'x-own'), 30),
      'x-request-id': rarely(headerTexts, 10),
      traceparent: rarely(headerTexts, 15),
      'last-event-id': rarely(headerTexts, 10),
      authorization: rarely(
        fc.oneof(fc.constantFrom('', 'Bearer', 'Basic x', 'Bearer x y'), headerTexts),
        40,
      ),
      'idempotency-key': rarely(keys, hasKey ? 3 : 20),
    })
    .map(
      (headers) =>
        Object.fromEntries(
          Object.entries(headers).filter(([, value]) => value !== undefined && value !== ''),
        ) as Record<string, string>,
    );
}

function bodiesOf({ requestBody }: Operation, resolve: Resolve): fc.Arbitrary<string | null> {
  const [[type, content] = []] = Object.entries(requestBody?.content ?? {});
  if (type === undefined || content === undefined) {
    return rarely(hostileValues.map(asJson), 12).map((body) => body ?? null);
  }
  const examples = Object.values(content.examples ?? {}).map((example) => example.value);
  if (type !== 'application/json') return filesOf(examples as string[]);
  const valid = valuesOf(content.schema, resolve, ids);
  const known = fc.constantFrom(...(examples.length === 0 ? [{}] : examples));
  const usual = fc.oneof(valid, known);
  return fc.oneof(
    { weight: 5, arbitrary: usual.map(asJson) },
    { weight: 4, arbitrary: nearly(usual).map(asJson) },
    { weight: 1, arbitrary: hostileValues.map(asJson) },
    { weight: 1, arbitrary: hostileTexts },
  );
}

function filesOf(examples: readonly string[]): fc.Arbitrary<string> {
  const lines = fc.array(fc.oneof(fc.constantFrom(...examples), hostileValues.map(asJson), hostileTexts), {
    maxLength: 6,
  });
  return lines.map((all) => all.join('\n'));
}

/** With lone surrogates as escapes, and members named __proto__. */
const asJson = (value: unknown) => JSON.stringify(value) ?? 'null';
