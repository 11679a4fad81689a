import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  changeSource,
  createSource,
  deleteSource,
  getSource,
  listSources,
  rotateWriteKey,
} from '../../db/sources.ts';
import { creatingRoute } from '../creating.ts';
import type { ApiDeps } from '../deps.ts';
import { pageOfRows, placeOfCursor } from '../page.ts';
import { isProblem } from '../problem.ts';
import { nothingHere, route, type Route } from '../route.ts';
import { IdPath, pageOf, pageQuery } from '../schemas/fields.ts';
import {
  ChangedSource,
  KeyRotation,
  NewSource,
  showSource,
  Source,
  sourceExample,
} from '../schemas/source.ts';

const tag = 'Sources';
const Place = z.tuple([z.int(), z.uuid()]);

/** Who sends events: sources and their write keys. */
export function sourceRoutes(deps: ApiDeps): Route[] {
  return [create(deps), list(deps), get(deps), change(deps), remove(deps), rotateKey(deps)];
}

function create(deps: ApiDeps): Route {
  return creatingRoute(
    deps,
    {
      operationId: 'createSource',
      method: 'post',
      path: '/api/sources',
      tag,
      summary: 'Create a source',
      description:
        "Its write key goes into the SDKs that send events to this server: as it is into Segment's, as the API key, with any site ID, into Customer.io's for the Track API. Events of suppressed users are archived, or refused where the server was started with `REPRISE_SUPPRESSED_USERS=refuse`; `suppressedUsers` says which, and can be changed.",
      body: NewSource,
      bodyExample: { name: 'Shop' },
      answers: { 201: { description: 'The source.', schema: Source, example: sourceExample } },
    },
    async ({ body }, tx) => {
      const source = await createSource(tx, {
        id: randomUUID(),
        name: body.name,
        writeKey: newWriteKey(),
        suppressedUsers: deps.suppressedUsers,
      });
      const headers = { location: `/api/sources/${source.id}` };
      return { answer: { status: 201, body: showSource(source), headers } };
    },
  );
}

function list(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'listSources',
      method: 'get',
      path: '/api/sources',
      tag,
      summary: 'List sources',
      description: 'Newest first.',
      query: z.strictObject({
        blocked: z
          .exactOptional(z.enum(['true', 'false']))
          .meta({ description: 'true: only those from which nothing is taken. false: only the others.' }),
        ...pageQuery,
      }),
      answers: {
        200: {
          description: 'A page of sources.',
          schema: pageOf(Source),
          example: { data: [sourceExample], nextCursor: null },
        },
      },
    },
    async ({ query: { limit, cursor, blocked } }) => {
      const start = placeOfCursor('sources', cursor, Place);
      if (isProblem(start)) return start;
      const rows = await listSources(deps.db, {
        limit: limit + 1,
        ...(blocked !== undefined && { blocked: blocked === 'true' }),
        ...(start.place !== null && { after: start.place }),
      });
      const page = pageOfRows({
        list: 'sources',
        rows,
        limit,
        placeOf: (row) => row.place,
        show: showSource,
      });
      return { status: 200, body: page };
    },
  );
}

function get(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'getSource',
      method: 'get',
      path: '/api/sources/{id}',
      tag,
      summary: 'Read a source',
      params: IdPath,
      answers: { 200: { description: 'The source.', schema: Source, example: sourceExample } },
      problems: ['not_found'],
    },
    async ({ params, path }) => {
      const source = await getSource(deps.db, params.id);
      return source === null ? nothingHere(path) : { status: 200, body: showSource(source) };
    },
  );
}

function change(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'changeSource',
      method: 'patch',
      path: '/api/sources/{id}',
      tag,
      summary: 'Change a source',
      description:
        'Its name, whether anything is taken from it, how much a second, of whom, and how large its events may be.',
      params: IdPath,
      body: ChangedSource,
      bodyExample: { name: 'Web shop' },
      answers: { 200: { description: 'The source.', schema: Source, example: sourceExample } },
      problems: ['not_found'],
    },
    async ({ params, body, path }) => {
      const source = await changeSource(deps.db, params.id, {
        name: body.name,
        blocked: body.blocked,
        suppressedUsers: body.suppressedUsers,
        eventsPerSecond: body.rateLimit === null ? null : body.rateLimit?.eventsPerSecond,
        maxEventBytes: body.maxEventBytes,
      });
      return source === null ? nothingHere(path) : { status: 200, body: showSource(source) };
    },
  );
}

function remove(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'deleteSource',
      method: 'delete',
      path: '/api/sources/{id}',
      tag,
      summary: 'Delete a source',
      description:
        'Its write keys are refused from now on. Its events stay in the archive and can be replayed. A destination that takes it by name goes on naming it, and warns: `deleted_sources`.',
      params: IdPath,
      answers: { 204: { description: 'It is deleted.' } },
      problems: ['not_found'],
    },
    async ({ params, path }) => {
      const deleted = await deps.db.transaction((tx) => deleteSource(tx, params.id));
      return deleted ? { status: 204 } : nothingHere(path);
    },
  );
}

function rotateKey(deps: ApiDeps): Route {
  return creatingRoute(
    deps,
    {
      operationId: 'rotateWriteKey',
      method: 'post',
      path: '/api/sources/{id}/rotate-key',
      tag,
      summary: 'Give a source a new write key',
      description:
        'The keys before it are accepted for a while longer, so that senders change over one by one.',
      params: IdPath,
      body: KeyRotation,
      bodyOptional: true,
      bodyExample: { overlapSeconds: 86_400 },
      answers: {
        201: { description: 'The source with its new key.', schema: Source, example: sourceExample },
      },
      problems: ['not_found'],
    },
    async ({ params, body, path }, tx) => {
      const { overlapSeconds } = body;
      const source = await rotateWriteKey(tx, {
        sourceId: params.id,
        writeKey: newWriteKey(),
        overlapSeconds,
      });
      return source === null ? nothingHere(path) : { answer: { status: 201, body: showSource(source) } };
    },
  );
}

/** 128 random bits that need no escaping in a URL, a header or a script. */
function newWriteKey(): string {
  return `wk_${randomBytes(16).toString('hex')}`;
}
