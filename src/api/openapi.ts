import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiContentObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponseObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { problemExamples } from './problem-examples.ts';
import { problemDocument, problemKinds, type ProblemCode } from './problem.ts';
import { trackingPaths, trackingTags } from './tracking/reference.ts';
import { roleNeeded, type AnyRouteShape, type DocumentedAnswer, type Route } from './route.ts';

const codes = Object.keys(problemKinds) as [ProblemCode, ...ProblemCode[]];

const Problem = z
  .looseObject({
    type: z.string().meta({ description: 'The page of this code on this server, as a relative URI.' }),
    title: z.string(),
    status: z.int(),
    code: z.enum(codes).meta({ description: 'Stable: branch on this.' }),
    detail: z.string().meta({ description: 'What is wrong and what helps, for a person.' }),
    errors: z.exactOptional(
      z.array(
        z.object({
          pointer: z
            .exactOptional(z.string())
            .meta({ description: 'JSON pointer into the body (RFC 6901).' }),
          parameter: z.exactOptional(z.string()).meta({ description: 'Name of a query parameter.' }),
          detail: z.string(),
        }),
      ),
    ),
    requestId: z.string().meta({ description: 'Finds the request in the log.' }),
    savedByHooks: z
      .exactOptional(z.array(z.object({ pointer: z.string(), mapping: z.record(z.string(), z.unknown()) })))
      .meta({
        description:
          'Of a destination’s actions: what hooks had made or found at its service before the request was refused. It stays there; give each `mapping` back in that at `pointer`, and it is used instead of being made again.',
      }),
  })
  .meta({ id: 'Problem', description: 'A refusal, as RFC 9457 has it.' });

const IdempotencyKey = z.exactOptional(z.string().min(1).max(255)).meta({
  description:
    'Makes the request safe to repeat for 24 hours: the same key and body get the first answer again (header `Idempotency-Replayed: true`) and make nothing twice. Refusals are not kept.',
  example: '0b8f5c1e-3d1a-4f0f-9f61-6a7d1c52e0aa',
});

const introduction = `Everything that Reprise can do, over HTTP.

- **Token.** Every address below \`/api\` except this document takes \`Authorization: Bearer <token>\`: the one of the environment, or one made by \`POST /api/tokens\`.
- **Role.** A token is \`viewer\`, \`operator\` or \`admin\`, and each may do what those before it may. Every operation says the role that it takes (\`x-role\`); with less it is 403 \`forbidden\`.
- **Bodies.** JSON in UTF-8, except files that are imported. A member that comes twice in one object is refused. A field that is not known is refused, and the refusal names the nearest one that is.
- **Refusals.** \`application/problem+json\` (RFC 9457): branch on \`code\`, show \`detail\`; \`errors\` points at fields; \`type\` is the address of a page that says what to do (\`/docs/errors/<code>\`).
- **Repeating.** A POST that creates takes an \`Idempotency-Key\`; repeat it after a lost answer or a 503.
- **Pages.** Lists answer \`{data, nextCursor}\`; pass \`nextCursor\` as \`cursor\` until it is null.
- **Filters.** All that are given have to be met. One that nothing meets gives an empty page, also the id of something that is not, or no longer, there; a value that cannot be one, as an id that is no UUID, is 400 \`invalid_query\` and named. What is said of an event is named as in a replay’s filter (\`user\`, \`source\`), what a thing belongs to as in its answer (\`destinationId\`, \`replayId\`, \`sourceId\`).
- **Values.** Times are RFC 3339 in UTC, positions are integers, ids are UUIDs.
- **Rate.** The headers \`RateLimit-Policy\` and \`RateLimit\` say how many requests a token may make and how many are left (\`q\` in \`w\` seconds; \`r\`, all of them again in \`t\` seconds); beyond that it is 429 \`too_many_requests\` with Retry-After.
- **Tracing.** The answer’s \`X-Request-Id\` is yours if you sent one; the log and the audit log have it too. A \`traceparent\` (W3C Trace Context) comes back as it was sent, and the log has its trace.

| code | status | meaning |
|---|---|---|
${codes.map((code) => `| \`${code}\` | ${problemKinds[code][0]} | ${problemKinds[code][1]} |`).join('\n')}`;

/** The OpenAPI 3.1 document of these routes, made of the schemas that check their requests. */
export function apiDocument(routes: readonly Route[]): object {
  const paths: ZodOpenApiPathsObject = trackingPaths();
  for (const { shape } of routes)
    paths[shape.path] = { ...paths[shape.path], [shape.method]: operationOf(shape) };
  return createDocument(
    {
      openapi: '3.1.1',
      info: { title: 'Reprise admin API', version: '1', description: introduction },
      servers: [{ url: '/' }],
      security: [{ token: [] }],
      tags: [...new Set([...routes.map((route) => route.shape.tag), ...trackingTags])].map((name) => ({
        name,
      })),
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer' },
          writeKey: { type: 'http', scheme: 'basic', description: 'The write key as user name.' },
          siteAndApiKey: {
            type: 'http',
            scheme: 'basic',
            description: 'Any site ID, and the write key as password.',
          },
        },
      },
      paths,
    },
    { override: ({ jsonSchema }) => withoutFormatPattern(jsonSchema) },
  );
}

/** A format says it: the pattern beside it only fills pages. */
function withoutFormatPattern(schema: { format?: string; pattern?: string }): void {
  if (schema.format === 'uuid' || schema.format === 'date-time') delete schema.pattern;
}

function operationOf(shape: AnyRouteShape): ZodOpenApiOperationObject {
  const { operationId, summary, tag } = shape;
  const headers = {
    ...shape.headers?.shape,
    ...(shape.creates === true && { 'Idempotency-Key': IdempotencyKey }),
  };
  return {
    operationId,
    summary,
    tags: [tag],
    ...descriptionOf(shape),
    ...(shape.open === true ? { security: [] } : { 'x-role': roleNeeded(shape) }),
    requestParams: {
      ...(shape.params instanceof z.ZodObject && { path: shape.params }),
      ...(shape.query instanceof z.ZodObject && { query: shape.query }),
      ...(Object.keys(headers).length > 0 && { header: z.object(headers) }),
    },
    ...(shape.body !== undefined && {
      requestBody: {
        required: shape.bodyOptional !== true,
        content: {
          'application/json': { schema: shape.body, examples: { example: { value: shape.bodyExample } } },
        },
      },
    }),
    ...(shape.upload !== undefined && {
      requestBody: { required: true, content: textContent(shape.upload) },
    }),
    responses: responsesOf(shape),
  };
}

function descriptionOf(shape: AnyRouteShape): { description?: string } {
  const { description, open } = shape;
  if (open === true) return description === undefined ? {} : { description };
  const own = shape.anyRoleForOwn === true ? ' (of the token that asks: any)' : '';
  const role = `Role: \`${roleNeeded(shape)}\`${own}.`;
  return { description: description === undefined ? role : `${description}\n\n${role}` };
}

/** Texts by type, each with its example. */
function textContent(examples: Readonly<Record<string, string>>) {
  const types = Object.entries(examples).map(([type, value]) => [
    type,
    { schema: { type: 'string' as const }, examples: { example: { value } } },
  ]);
  return Object.fromEntries(types) as ZodOpenApiContentObject;
}

function responsesOf(shape: AnyRouteShape): ZodOpenApiResponsesObject {
  const responses: ZodOpenApiResponsesObject = {};
  for (const [status, answer] of Object.entries(shape.answers)) {
    responses[status as `${1 | 2 | 3 | 4 | 5}${string}`] = successOf(answer);
  }
  const byStatus = Map.groupBy(refusalsOf(shape), (code) => problemKinds[code][0]);
  for (const [status, refusals] of byStatus) responses[`${status}`] ??= refusalOf(refusals);
  return responses;
}

function successOf({
  description,
  schema,
  example,
  mediaType,
  alsoAs = {},
}: DocumentedAnswer): ZodOpenApiResponseObject {
  if (schema === undefined && mediaType === undefined) return { description };
  const content = {
    ...(schema !== undefined && { schema }),
    ...(example !== undefined && { examples: { example: { value: example } } }),
  };
  return {
    description,
    content: { [mediaType ?? 'application/json']: content, ...textContent(alsoAs) },
  };
}

function refusalOf(refusals: readonly ProblemCode[]): ZodOpenApiResponseObject {
  const requestId = '5f8c7e52-3b5d-4f43-9f0a-0b9d8b1f2a31';
  const examples = refusals.map((code) => [
    code,
    { value: problemDocument(problemExamples[code], requestId) },
  ]);
  return {
    description: refusals.map((code) => `${problemKinds[code][1]} (\`${code}\`).`).join(' '),
    content: {
      'application/problem+json': { schema: Problem, examples: Object.fromEntries(examples) },
    },
  };
}

/** Every way in which a route may refuse. */
function refusalsOf(shape: AnyRouteShape): ProblemCode[] {
  const refusals: ProblemCode[] = ['invalid_query'];
  if (shape.open !== true) {
    refusals.push('unauthorized', 'too_many_requests', 'unavailable');
    if (roleNeeded(shape) !== 'viewer') refusals.push('forbidden');
  }
  if (shape.upload !== undefined) refusals.push('unsupported_media_type');
  else if (shape.method !== 'get') {
    refusals.push(
      'malformed_json',
      'repeated_member',
      'body_too_large',
      'unsupported_media_type',
      'invalid_body',
    );
  }
  if (shape.creates === true) {
    refusals.push('invalid_idempotency_key', 'idempotency_in_flight', 'idempotency_key_reused');
  }
  return [...refusals, ...(shape.problems ?? []), 'internal'];
}
