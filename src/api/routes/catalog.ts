import { z } from 'zod';
import type { DestinationDefinition } from '../../destinations/definition.ts';
import { catalog, loadDefinition } from '../../destinations/registry.ts';
import { nothingHere, route, type Route } from '../route.ts';

const tag = 'Catalog';

const CatalogEntry = z
  .object({
    type: z.string(),
    title: z.string(),
    description: z.string(),
    settings: z
      .record(z.string(), z.unknown())
      .meta({ description: 'JSON Schema (2020-12) of its settings. `secret` marks what must not be shown.' }),
    generated: z.array(z.string()).meta({ description: 'Settings that are generated when they are absent.' }),
    actions: z.array(z.object({ name: z.string(), trigger: z.string().nullable() })).meta({
      description: 'The actions that a new destination begins with; a trigger of null takes every event.',
    }),
  })
  .meta({ id: 'CatalogEntry', description: 'A destination type that can be connected.' });

const example: z.input<typeof CatalogEntry> = {
  type: 'webhook',
  title: 'Webhook',
  description: 'Sends events as signed HTTP requests (Standard Webhooks) to a URL of yours.',
  settings: {
    type: 'object',
    properties: { url: { type: 'string', description: 'Where events are POSTed to, https or http.' } },
    required: ['url'],
    additionalProperties: false,
  },
  generated: ['secret'],
  actions: [{ name: 'Send event', trigger: null }],
};

/** What can be connected. */
export function catalogRoutes(): Route[] {
  return [list(), get()];
}

function list(): Route {
  return route(
    {
      operationId: 'listCatalog',
      method: 'get',
      path: '/api/catalog',
      tag,
      summary: 'List what can be connected',
      description: 'The whole catalog in one page.',
      answers: {
        200: {
          description: 'The catalog.',
          schema: z.object({ data: z.array(CatalogEntry), nextCursor: z.null() }),
          example: { data: [example], nextCursor: null },
        },
      },
    },
    async () => {
      const definitions = await Promise.all(catalog.map((entry) => loadDefinition(entry.type)));
      const data = definitions.flatMap((definition) => (definition === null ? [] : [show(definition)]));
      return { status: 200, body: { data, nextCursor: null } };
    },
  );
}

function get(): Route {
  return route(
    {
      operationId: 'getCatalogEntry',
      method: 'get',
      path: '/api/catalog/{type}',
      tag,
      summary: 'Read an entry of the catalog',
      params: z.strictObject({ type: z.string().min(1).max(100).meta({ example: 'webhook' }) }),
      answers: { 200: { description: 'The entry.', schema: CatalogEntry, example } },
      problems: ['not_found'],
    },
    async ({ params, path }) => {
      const definition = await loadDefinition(params.type);
      return definition === null ? nothingHere(path) : { status: 200, body: show(definition) };
    },
  );
}

function show(definition: DestinationDefinition): z.input<typeof CatalogEntry> {
  const { type, title, description, generated, presetActions } = definition;
  return {
    type,
    title,
    description,
    settings: z.toJSONSchema(definition.settings, { io: 'input' }),
    generated: Object.keys(generated),
    actions: presetActions.map(({ name, trigger }) => ({ name, trigger })),
  };
}
