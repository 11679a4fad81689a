import { z } from 'zod';
import { nearestType } from '../../destinations/catalog/nearest-type.ts';
import { catalogSummaries, readCatalogDocument } from '../../destinations/catalog/read.ts';
import type { CatalogDocument } from '../../destinations/catalog/document.ts';
import type { CatalogSummary } from '../../destinations/catalog/summary.ts';
import { settingsFields } from '../../destinations/catalog/check-settings.ts';
import { generatedSettings, obstacleTo, settingsSchema } from '../../destinations/registry.ts';
import { pageOfRows, placeOfCursor } from '../page.ts';
import { isProblem, problem } from '../problem.ts';
import { route, type Route } from '../route.ts';
import {
  CatalogEntry,
  CatalogListed,
  Category,
  entryExample,
  listedExample,
  Readiness,
  Scheme,
} from '../schemas/catalog.ts';
import { pageOf, pageQuery } from '../schemas/fields.ts';

const tag = 'Catalog';
const Place = z.tuple([z.string()]);

/** What can be connected. Answered from the generated index: no definition is loaded. */
export function catalogRoutes(): Route[] {
  return [list(), get()];
}

const ListQuery = z.strictObject({
  q: z
    .exactOptional(z.string().min(1).max(100))
    .meta({ description: 'Words that all stand in its name, type or description.', example: 'google' }),
  category: z.exactOptional(Category),
  auth: z.exactOptional(Scheme).meta({ description: 'The credentials that it asks for.' }),
  batch: z
    .exactOptional(z.enum(['true', 'false']))
    .meta({ description: 'true: some of its actions take several events at once.' }),
  replay: z.exactOptional(Readiness).meta({ description: 'How ready it is for a replay.' }),
  connectable: z.exactOptional(z.enum(['true', 'false'])),
  ...pageQuery,
});

function list(): Route {
  return route(
    {
      operationId: 'listCatalog',
      method: 'get',
      path: '/api/catalog',
      tag,
      summary: 'List what can be connected',
      description: 'By type; those that can be connected come first.',
      query: ListQuery,
      answers: {
        200: {
          description: 'A page of the catalog.',
          schema: pageOf(CatalogListed),
          example: { data: [listedExample], nextCursor: null },
        },
      },
    },
    async ({ query: { limit, cursor, ...asked } }) => {
      const start = placeOfCursor('catalog', cursor, Place);
      if (isProblem(start)) return start;
      const found = inOrder().filter((summary) => matches(summary, asked));
      const after = start.place === null ? 0 : 1 + found.findIndex(({ type }) => type === start.place?.[0]);
      const rows = found.slice(after, after + limit + 1);
      const placeOf = ({ type }: CatalogSummary) => [type];
      return {
        status: 200,
        body: pageOfRows({ list: 'catalog', rows, limit, placeOf, show: showListed }),
      };
    },
  );
}

type Asked = Omit<z.output<typeof ListQuery>, 'limit' | 'cursor'>;

const isConnectable = (summary: CatalogSummary) => obstacleTo(summary) === null;
const inOrder = () =>
  catalogSummaries().toSorted((a, b) => Number(isConnectable(b)) - Number(isConnectable(a)));

function matches(summary: CatalogSummary, { q, category, auth, batch, replay, connectable }: Asked): boolean {
  const { type, title, description } = summary;
  const text = `${type} ${title} ${description}`.toLowerCase();
  return (
    (q === undefined || words(q).every((word) => text.includes(word))) &&
    (category === undefined || summary.category === category) &&
    (auth === undefined || summary.authentication === auth) &&
    (batch === undefined || summary.batching > 0 === (batch === 'true')) &&
    (replay === undefined || summary.replay === replay) &&
    (connectable === undefined || isConnectable(summary) === (connectable === 'true'))
  );
}

const words = (text: string) => text.toLowerCase().split(/\s+/);

function showListed(summary: CatalogSummary): z.input<typeof CatalogListed> {
  const { type, title, description, category, authentication, actions, batching, replay } = summary;
  const notConnectable = obstacleTo(summary);
  return {
    type,
    title,
    description,
    category,
    authentication,
    actions,
    batching,
    replay,
    connectable: notConnectable === null,
    notConnectable,
  };
}

function get(): Route {
  return route(
    {
      operationId: 'getCatalogEntry',
      method: 'get',
      path: '/api/catalog/{type}',
      tag,
      summary: 'Read an entry of the catalog',
      description:
        'Its settings, its actions with their fields, what a new destination begins with, and what a replay can and cannot do there.',
      params: z.strictObject({ type: z.string().min(1).max(100).meta({ example: 'webhook' }) }),
      answers: { 200: { description: 'The entry.', schema: CatalogEntry, example: entryExample } },
      problems: ['not_found'],
    },
    async ({ params: { type } }) => {
      const document = readCatalogDocument(type);
      if (document !== null) return { status: 200, body: show(document) };
      const near = nearestType(type);
      const remedy = near === null ? 'GET /api/catalog lists all types.' : `Did you mean "${near}"?`;
      return problem('not_found', `The catalog has no type "${type}". ${remedy}`);
    },
  );
}

function show(document: CatalogDocument): z.input<typeof CatalogEntry> {
  const {
    segmentId: _id,
    folder: _folder,
    deletesPeople: _deletes,
    obstacle: _obstacle,
    ...shown
  } = document;
  const notConnectable = obstacleTo(document);
  return {
    ...(shown as Omit<
      z.input<typeof CatalogEntry>,
      'connectable' | 'notConnectable' | 'generated' | 'settingsSchema'
    >),
    settings: settingsFields(document) as z.input<typeof CatalogEntry>['settings'],
    settingsSchema: settingsSchema(document.type),
    generated: generatedSettings(document.type),
    connectable: notConnectable === null,
    notConnectable,
  };
}
