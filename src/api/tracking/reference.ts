import { z } from 'zod';
import type {
  ZodOpenApiOperationObject,
  ZodOpenApiPathsObject,
  ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { eventTypes, type EventType } from '../../core/event.ts';
import { refusals, type Refusal } from './refusal.ts';
import { trackAddresses, type TrackOperation } from './track-api/addresses.ts';

const events = 'Tracking';
const track = 'Track API';
/** The tags of the tracking API's operations. */
export const trackingTags: readonly string[] = [events, track];

const Refused = z
  .looseObject({
    code: z
      .enum(Object.keys(refusals) as [Refusal, ...Refusal[]])
      .meta({ description: 'Stable: branch on this.' }),
    message: z.string(),
  })
  .meta({ id: 'TrackingRefusal', description: 'Why nothing of the request was stored.' });
const Success = z.object({ success: z.literal(true) });

/** Members that every event may have beside those of its type. Clients send many more: all of it is archived. */
const common = {
  userId: z.string().optional(),
  anonymousId: z.string().optional(),
  messageId: z.string().optional().meta({ description: 'The same one again is not stored again.' }),
  timestamp: z.iso.datetime({ offset: true }).optional(),
  context: z.looseObject({}).optional(),
  integrations: z.looseObject({}).optional(),
};
const object = z.looseObject({}).optional();
const ofType = {
  identify: z.looseObject({ ...common, traits: object }),
  track: z.looseObject({ ...common, event: z.string(), properties: object }),
  page: z.looseObject({ ...common, name: z.string().optional(), properties: object }),
  screen: z.looseObject({ ...common, name: z.string().optional(), properties: object }),
  group: z.looseObject({ ...common, groupId: z.string(), traits: object }),
  alias: z.looseObject({ ...common, previousId: z.string() }),
} as const satisfies Record<EventType, z.ZodType>;

const examples: Readonly<Record<EventType, object>> = {
  identify: { userId: 'user-42', traits: { email: 'ann@example.com' } },
  track: { userId: 'user-42', event: 'Order Completed', properties: { total: 12.5 } },
  page: { anonymousId: 'a-7f31', name: 'Home' },
  screen: { userId: 'user-42', name: 'Start' },
  group: { userId: 'user-42', groupId: 'g-1', traits: { name: 'Initech' } },
  alias: { userId: 'user-42', previousId: 'a-7f31' },
};

const sending =
  'Answers once the events are stored for good. The write key is the user name of Basic authentication, or `writeKey` in the body.';

/** The addresses of the tracking API, for the reference: they are answered in front of the application. */
export function trackingPaths(): ZodOpenApiPathsObject {
  return {
    '/v1/batch': {
      post: sends('sendBatch', 'Send events', {
        description: `${sending} An event that cannot be archived is kept as rejected, and the rest is taken. Also at \`/v1/b\` and \`/v1/import\`, and all of \`/v1\` without \`/v1\` before it.`,
        schema: z.looseObject({ batch: z.array(z.looseObject({ type: z.enum(eventTypes) })) }),
        example: { batch: [{ type: 'track', ...examples.track }] },
      }),
    },
    ...Object.fromEntries(
      eventTypes.map((type) => [
        `/v1/${type}`,
        {
          post: sends(`send${capital(type)}`, `Send one ${type} event`, {
            description: `${sending} Also at \`/v1/${type[0]}\`.`,
            schema: ofType[type],
            example: examples[type],
          }),
        },
      ]),
    ),
    '/v1/m': {
      post: {
        ...plain('sendMetrics', 'Take figures of a client about itself, for nobody'),
        responses: ok(Success),
      },
    },
    '/v1/pixel/{type}': {
      get: {
        ...plain('sendPixel', 'Send one event by an image'),
        description: 'The event as base64 of JSON, `writeKey` in it. The image comes whatever becomes of it.',
        requestParams: {
          path: z.object({ type: z.enum(eventTypes) }),
          query: z.object({ data: z.string().meta({ description: 'Base64 of JSON.' }) }),
        },
        responses: file('image/gif'),
      },
    },
    ...browserPaths(),
    ...trackPaths(),
  };
}

function browserPaths(): ZodOpenApiPathsObject {
  const key = z.object({ writeKey: z.string() });
  return {
    '/v1/projects/{writeKey}/settings': {
      get: {
        ...plain('getBrowserSettings', 'Read what a browser client asks for first'),
        requestParams: { path: key },
        responses: { ...ok(z.looseObject({})), ...refused([401, 503]) },
      },
    },
    '/sourceConfig': {
      get: {
        ...plain('getSourceConfig', 'Read the same for clients of another family'),
        requestParams: { query: z.looseObject({ writeKey: z.string().optional() }) },
        responses: { ...ok(z.looseObject({})), ...refused([401, 503]) },
      },
    },
    '/analytics.js/v1/{writeKey}/analytics.min.js': {
      get: {
        ...plain('getBrowserClient', 'Load the browser client'),
        requestParams: { path: key },
        responses: { ...file('text/javascript'), ...refused([401, 503]) },
      },
    },
    '/analytics-next/bundles/{name}': {
      get: {
        ...plain('getBrowserClientPart', 'Load a part of the browser client'),
        requestParams: { path: z.object({ name: z.string() }) },
        responses: { ...file('text/javascript'), ...refused([404, 503]) },
      },
    },
  };
}

function trackPaths(): ZodOpenApiPathsObject {
  return Object.fromEntries(
    trackAddresses.map(([path, operations]) => [
      `/api${path}`,
      Object.fromEntries(
        Object.entries(operations).map(([method, operation = 'region']) => [
          method.toLowerCase(),
          trackOperation(path, method, operation),
        ]),
      ),
    ]),
  );
}

function trackOperation(path: string, method: string, operation: TrackOperation): ZodOpenApiOperationObject {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  return {
    operationId: `track${operation.split('_').map(capital).join('')}`,
    summary: `Customer.io’s Track API: ${operation.replaceAll('_', ' ')}`,
    tags: [track],
    security: [{ siteAndApiKey: [] }],
    ...(names.length > 0 && {
      requestParams: { path: z.object(Object.fromEntries(names.map((name) => [name, z.string()]))) },
    }),
    ...((method === 'POST' || method === 'PUT') && {
      requestBody: { content: { 'application/json': { schema: z.looseObject({}) } } },
    }),
    responses: {
      ...ok(z.looseObject({})),
      ...(operation === 'batch' && {
        207: {
          description: 'Some operations cannot be accepted; the others are stored.',
          content: { 'application/json': { schema: z.looseObject({}) } },
        },
      }),
      ...refused(statusesOfSending),
    },
  };
}

function sends(
  operationId: string,
  summary: string,
  of: { description: string; schema: z.ZodType; example: object },
): ZodOpenApiOperationObject {
  return {
    operationId,
    summary,
    description: of.description,
    tags: [events],
    security: [{ writeKey: [] }, {}],
    requestBody: {
      required: true,
      content: { 'application/json': { schema: of.schema, examples: { example: { value: of.example } } } },
    },
    responses: { ...ok(Success), ...refused(statusesOfSending) },
  };
}

const plain = (operationId: string, summary: string) => ({
  operationId,
  summary,
  tags: [events],
  security: [],
});
const ok = (schema: z.ZodType): ZodOpenApiResponsesObject => ({
  200: { description: 'It is so.', content: { 'application/json': { schema } } },
});
const file = (type: string): ZodOpenApiResponsesObject => ({
  200: { description: 'The file.', content: { [type]: {} } },
});

const statusesOfSending = [400, 401, 408, 413, 429, 503] as const;

function refused(statuses: readonly number[]): ZodOpenApiResponsesObject {
  const codes = Object.entries(refusals);
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: codes
          .filter(([, [of]]) => of === status)
          .map(([code]) => `\`${code}\``)
          .join(', '),
        content: { 'application/json': { schema: Refused } },
      },
    ]),
  );
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
