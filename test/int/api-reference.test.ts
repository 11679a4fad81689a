import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, test } from 'vitest';
import { createApp } from '../../src/api/app.ts';
import { doorOf, methodsOf, type Door } from '../../src/api/tracking/doors.ts';
import { trackingTags } from '../../src/api/tracking/reference.ts';
import { trackAddresses } from '../../src/api/tracking/track-api/addresses.ts';
import { eventTypes } from '../../src/core/event.ts';
import { problemExamples } from '../../src/api/problem-examples.ts';
import { problemKinds } from '../../src/api/problem.ts';
import { answered, testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { shapes } from '../support/documented.ts';

const api = await testApi(await testDatabase());
// oxlint-disable-next-line typescript/no-explicit-any -- tests look into whatever came
const document: any = (await answered(await fetch(`${api.url}/api/openapi.json`))).body;

interface Linted {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly responses: object;
}

interface Layer {
  readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> };
}

const operations = (isMeant: (operation: Linted) => boolean): string[] =>
  Object.entries<Record<string, Linted>>(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([, operation]) => isMeant(operation))
      .map(([method]) => `${method} ${path}`),
  );

test('the doors of the tracking API are what the document has of it, and all of them', () => {
  const documented = operations(({ tags }) => trackingTags.includes(tags[0]!));
  const found = documented.map((one) => {
    const [method = '', path = ''] = one.split(' ');
    const filled = path.replace('{type}', 'track').replaceAll(/\{\w+\}/g, 'x');
    const door = doorOf(filled);
    if (door?.kind === 'track') {
      const operation = door.address?.operations[method.toUpperCase()];
      expect(operation, one).toBeDefined();
      return `track ${operation}`;
    }
    expect(door, one).not.toBeNull();
    expect(door!.kind, one).not.toBe('unknown');
    const { kind } = door as Exclude<Door, { kind: 'track' | 'unknown' }>;
    expect(methodsOf[kind], one).toContain(method.toUpperCase());
    return door?.kind === 'events' ? `events ${door.call}` : kind;
  });
  const calls = [...eventTypes, 'batch'].map((call) => `events ${call}`);
  const kinds = Object.keys(methodsOf).filter((kind) => kind !== 'events');
  const ofTrack = trackAddresses.flatMap(([, of]) =>
    Object.values(of).map((operation) => `track ${operation}`),
  );
  expect(found.toSorted()).toEqual([...calls, ...kinds, ...ofTrack].toSorted());
});

test('the router has what the document has, and nothing else', () => {
  const { stack } = createApp(api.deps).router as unknown as { stack: Layer[] };
  const routed = stack.flatMap(({ route }) =>
    Object.keys(route?.methods ?? {})
      .filter((method) => method !== '_all')
      .map((method) => `${method} ${route?.path.replaceAll(/:(\w+)/g, '{$1}')}`),
  );
  const documented = operations(({ tags }) => !trackingTags.includes(tags[0]!));
  expect(routed.length).toBeGreaterThan(25);
  expect(routed.toSorted()).toEqual(documented.toSorted());
});

describe('the document', () => {
  test('is valid by the schema of OpenAPI 3.1, and every reference in it leads somewhere', async () => {
    const result = await new Validator().validate(document as Record<string, unknown>);
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
  });

  test('says of every operation what it is, and declares every parameter of its path', () => {
    const paths = Object.keys(document.paths).map((path) => path.replaceAll(/\{\w+\}/g, '{}'));
    expect(new Set(paths).size, 'two paths that differ in the names of parameters alone').toBe(paths.length);
    for (const [path, item] of Object.entries<Record<string, Linted>>(document.paths)) {
      for (const { operationId, summary, tags, parameters = [], responses } of Object.values(item)) {
        expect(operationId, path).toMatch(/^[a-z][A-Za-z]+$/);
        expect(summary, operationId).toMatch(/^[A-Z].*[^.]$/);
        expect(tags, operationId).toHaveLength(1);
        const named = parameters.filter((one) => one.in === 'path').map((one) => one.name);
        expect(named, operationId).toEqual([...path.matchAll(/\{(\w+)\}/g)].map((found) => found[1]));
        expect(
          Object.keys(responses).some((status) => /^[23]/.test(status)),
          operationId,
        ).toBe(true);
      }
    }
  });

  test('is OpenAPI 3.1, needs no token, and names every operation once', () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    const ids = shapes.map((shape) => shape.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('has an example for every body, every answer with content and every refusal', () => {
    for (const shape of shapes) {
      const operation = document.paths[shape.path][shape.method];
      const contents = Object.values<{ content?: object }>(operation.responses).map(
        (one) => one.content ?? {},
      );
      if (operation.requestBody !== undefined) contents.push(operation.requestBody.content);
      for (const [type, content] of contents.flatMap((one) => Object.entries(one))) {
        if (!type.includes('json') && type !== 'text/event-stream') continue;
        expect(Object.keys(content.examples ?? {}), `${shape.operationId} ${type}`).not.toHaveLength(0);
      }
    }
  });

  test('its examples are what the schemas take and give', () => {
    for (const shape of shapes) {
      if (shape.body !== undefined) expect(shape.body.safeParse(shape.bodyExample).error).toBeUndefined();
      for (const { schema, example } of Object.values(shape.answers)) {
        if (schema !== undefined) expect(schema.parse(example), shape.operationId).toEqual(example);
      }
    }
  });

  test('shows every kind of refusal', () => {
    for (const code of Object.keys(problemKinds)) expect(document.info.description).toContain(`\`${code}\``);
    expect(Object.entries(problemExamples).every(([code, example]) => example.problem === code)).toBe(true);
  });
});

describe('the page', () => {
  test('names nothing but this server, under a policy that lets nothing else in', async () => {
    const page = await answered(await fetch(`${api.url}/docs`));
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval|script-src[^;]*unsafe/);
    expect(page.text).not.toMatch(/https?:\/\//);
    const script = await fetch(`${api.url}/docs/rapidoc.js`);
    expect(script.headers.get('content-type')).toMatch(/^text\/javascript/);
    expect((await script.text()).length).toBeGreaterThan(500_000);
  });
});
