import { z } from 'zod';
import { describe, expect, test } from 'vitest';
import { answered, adminToken, testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { shapes } from '../support/documented.ts';
import type { JsonSchema } from '../support/fuzz/json-schema.ts';

const api = await testApi(await testDatabase());

/** Every object that a schema takes, with where it stands. */
function objectsOf(schema: JsonSchema, at = ''): [string, JsonSchema][] {
  const own: [string, JsonSchema][] = schema.properties === undefined ? [] : [[at, schema]];
  const members = Object.entries(schema.properties ?? {}).map(
    ([name, one]) => [`${at}/${name}`, one] as const,
  );
  const others = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  const items = schema.items === undefined ? [] : [[`${at}/0`, schema.items] as const];
  const below = [...members, ...items, ...others.map((one) => [at, one] as const)];
  return [...own, ...below.flatMap(([place, one]) => objectsOf(one, place))];
}

const schemaOf = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
const taken = shapes.flatMap((shape) =>
  (['params', 'query', 'body'] as const).flatMap((part) =>
    shape[part] === undefined
      ? []
      : objectsOf(schemaOf(shape[part])).map(([at, schema]) => [shape, part, at, schema] as const),
  ),
);

test.each(taken.map(([shape, part, at, schema]) => [`${shape.operationId} ${part}${at}`, schema] as const))(
  '%s takes no member that it does not know',
  (_, schema) => expect(schema.additionalProperties).toBe(false),
);

describe('a member with a letter too many is told by its right name', () => {
  const bodies = taken.filter(([, part, , schema]) => part === 'body' && names(schema).length > 0);

  test.each(bodies.map(([shape, , at, schema]) => [shape.operationId, at, shape, schema] as const))(
    '%s %s',
    async (_, at, shape, schema) => {
      const name = names(schema)[0]!;
      const path = shape.path.replaceAll(/\{\w+\}/g, '6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e');
      const answer = await answered(
        await fetch(api.url + path, {
          method: shape.method.toUpperCase(),
          headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
          body: JSON.stringify(withMember(shape.bodyExample ?? {}, at.split('/').slice(1), `${name}x`)),
        }),
      );
      expect(answer.body).toMatchObject({ status: 422, code: 'invalid_body' });
      const fault = answer.body.errors.find((one: { pointer: string }) => one.pointer === `${at}/${name}x`);
      expect(fault.detail).toContain(`Did you mean "${name}"?`);
    },
  );
});

/** Long enough that one letter more is still near. */
const names = (schema: JsonSchema) => Object.keys(schema.properties ?? {}).filter((name) => name.length >= 3);

function withMember(value: unknown, [key, ...rest]: readonly string[], name: string): unknown {
  if (key === undefined) return { ...(isObject(value) ? value : {}), [name]: 1 };
  if (key === '0') return [withMember(Array.isArray(value) ? value[0] : {}, rest, name)];
  const before = isObject(value) ? value : {};
  return { ...before, [key]: withMember(before[key], rest, name) };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
