import { expect } from 'vitest';
import type { ApiDeps } from '../../src/api/deps.ts';
import { apiDocument } from '../../src/api/openapi.ts';
import type { AnyRouteShape } from '../../src/api/route.ts';
import { apiRoutes } from '../../src/api/routes.ts';
import type { Answered } from './api.ts';

interface Operation {
  readonly responses: Readonly<
    Record<string, { content?: Record<string, { examples?: Record<string, unknown> }> }>
  >;
}

/** The shapes of all routes; their handlers are never called, so they need nothing to work with. */
export const shapes: readonly AnyRouteShape[] = apiRoutes({} as ApiDeps).map((route) => route.shape);
const document = apiDocument(apiRoutes({} as ApiDeps)) as {
  paths: Record<string, Record<string, Operation>>;
};

/** Holds an answer against the reference: its status, the code of a refusal, and every field of a success. */
export function checkDocumented(method: string, path: string, answer: Answered): void {
  const shape = shapes.find((one) => one.method === method.toLowerCase() && matches(one.path, path));
  if (shape === undefined) return;
  const operation = document.paths[shape.path]?.[shape.method];
  const documented = operation?.responses[String(answer.status)];
  const what = `${method} ${path} answered ${answer.status} ${answer.text.slice(0, 300)}`;
  expect(documented, `${what}, which is not documented`).toBeDefined();
  const schema = shape.answers[answer.status]?.schema;
  const type = (answer.headers.get('content-type') ?? '').replace(/;.*/, '');
  if (shape.answers[answer.status]?.alsoAs?.[type] !== undefined) return;
  if (schema !== undefined) {
    expect(schema.parse(answer.body), `${what} with fields that are not documented`).toEqual(answer.body);
  } else if (answer.status >= 400) {
    const examples = documented?.content?.['application/problem+json']?.examples ?? {};
    expect(Object.keys(examples), `${what}: its code is not documented`).toContain(answer.body.code);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  }
}

function matches(template: string, path: string): boolean {
  const pattern = template.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.');
  return new RegExp(`^${pattern}$`).test(path.replace(/\?.*$/, ''));
}
