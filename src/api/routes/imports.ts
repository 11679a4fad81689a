import { z } from 'zod';
import {
  getImport,
  importErrors,
  importOfKey,
  listImports,
  type ImportRecord,
} from '../../db/imports/records.ts';
import { getSource } from '../../db/sources.ts';
import { idempotencyKeyOf } from '../creating.ts';
import type { ApiDeps } from '../deps.ts';
import { receiveFile } from '../imports/receive.ts';
import type { LiveConnections } from '../live/connections.ts';
import { progressRoute } from '../progress.ts';
import { pageOfRows, placeOfCursor } from '../page.ts';
import { isProblem, problem, type Problem } from '../problem.ts';
import { invalidQuery, nothingHere, route, type Answer, type Route } from '../route.ts';
import { Id, IdPath, pageOf, pageQuery } from '../schemas/fields.ts';
import {
  Import,
  importListExample,
  ImportQuery,
  ImportWithErrors,
  importWithErrorsExample,
  showImport,
  showImportWithErrors,
} from '../schemas/import.ts';

const tag = 'Imports';
const Place = z.tuple([z.int(), z.uuid()]);
const upload = {
  'application/x-ndjson':
    '{"type":"track","event":"Order Completed","userId":"user-42","timestamp":"2024-03-01T10:00:00Z"}\n',
  'text/csv':
    'type,userId,event,timestamp,properties.total\ntrack,user-42,Order Completed,2024-03-01T10:00:00Z,25\n',
  'application/gzip': '(either of them, compressed)',
};

/** History from files. */
export function importRoutes(deps: ApiDeps, live: LiveConnections): Route[] {
  return [create(deps), resume(deps), list(deps), get(deps), watch(deps, live)];
}

const about = `The body is the file: NDJSON (one event per line, as archives of Segment and RudderStack have them) or CSV with a header, either of them also compressed by gzip. It is archived while it comes in, with the times that its events carry, and goes to destinations by a replay only.

    curl -X POST -T orders.ndjson.gz -H "Authorization: Bearer $TOKEN" -H 'Idempotency-Key: orders' 'http://localhost:4000/api/imports?sourceId=…'

An import that broke off goes on when the same file is sent again, with the same \`Idempotency-Key\` here or to \`/api/imports/{id}/resume\`: rows that are committed are compared and passed over, the rest is archived. A row without messageId gets one that stands for it and all rows before it, so the same file in a new import, also grown, adds only what is new (for 90 days).

The answer comes when all of it is archived and streams have passed it, so that a replay reaches it; after 10 seconds \`streamsBehind\` names those that have not.`;

function create(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'createImport',
      role: 'operator',
      method: 'post',
      path: '/api/imports',
      tag,
      summary: 'Import a file of history',
      description: about,
      query: ImportQuery,
      headers: z.object({
        'Idempotency-Key': z.exactOptional(z.string().min(1).max(255)).meta({
          description:
            'Names the import: with the same key it goes on, and one that is completed is answered again.',
          example: 'orders-2024',
        }),
      }),
      upload,
      answers: {
        201: {
          description: 'The import, with the first rows that were not accepted.',
          schema: ImportWithErrors,
          example: importWithErrorsExample,
        },
      },
      problems: [
        'invalid_idempotency_key',
        'idempotency_key_reused',
        'upload_cut',
        'unreadable_file',
        'import_running',
        'import_differs',
      ],
    },
    async ({ query, upload: body, headers }) => {
      const idempotencyKey = idempotencyKeyOf(headers);
      if (isProblem(idempotencyKey)) return idempotencyKey;
      const known = idempotencyKey === null ? null : await importOfKey(deps.db, idempotencyKey);
      if (known !== null) {
        if (!isSame(known, query)) return otherImport(known.id);
        if (known.status === 'completed') {
          return await answerOf(deps, known, 201, { 'idempotency-replayed': 'true' });
        }
      } else if ((await getSource(deps.db, query.sourceId)) === null) {
        return noSource(query.sourceId);
      }
      const { sourceId, name = null, format = null, type = null, map } = query;
      const fresh = { sourceId, name, request: { format, type, map }, idempotencyKey };
      const received = await receiveFile(deps, { body: body!, headers }, known === null ? fresh : { known });
      return isProblem(received) ? received : await answerOf(deps, received, 201);
    },
  );
}

function isSame({ sourceId, request }: ImportRecord, query: z.output<typeof ImportQuery>): boolean {
  return (
    sourceId === query.sourceId &&
    request.type === (query.type ?? null) &&
    (query.format === undefined || request.format === query.format) &&
    JSON.stringify(request.map) === JSON.stringify(query.map)
  );
}

function otherImport(importId: string): Problem {
  const detail =
    'This Idempotency-Key was used for an import with another sourceId, type, format or map. Use a new key for a new import.';
  return problem('idempotency_key_reused', detail, { members: { importId } });
}

function noSource(id: string): Problem {
  const detail = `There is no source ${id}. GET /api/sources lists those there are.`;
  return invalidQuery('sourceId', detail);
}

async function answerOf(
  { db }: ApiDeps,
  record: ImportRecord,
  status: number,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const body = showImportWithErrors(record, await importErrors(db, record.id));
  const location = { location: `/api/imports/${record.id}` };
  return { status, body, headers: { ...headers, ...(status === 201 && location) } };
}

function resume(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'resumeImport',
      role: 'operator',
      method: 'post',
      path: '/api/imports/{id}/resume',
      tag,
      summary: 'Go on with an import',
      description:
        'For one that was interrupted or failed: the body is the whole file again, from its beginning. What is committed is compared and passed over. One whose sender died without a word can go on after 10 seconds; until then the request waits.',
      params: IdPath,
      upload,
      answers: {
        200: { description: 'The import.', schema: ImportWithErrors, example: importWithErrorsExample },
      },
      problems: [
        'not_found',
        'upload_cut',
        'unreadable_file',
        'import_running',
        'import_differs',
        'import_completed',
      ],
    },
    async ({ params, path, upload: body, headers }) => {
      const known = await getImport(deps.db, params.id);
      if (known === null) return nothingHere(path);
      if (known.status === 'completed') {
        return problem(
          'import_completed',
          'The import is completed. A file that has grown is a new import: it adds what is new.',
        );
      }
      const received = await receiveFile(deps, { body: body!, headers }, { known });
      return isProblem(received) ? received : await answerOf(deps, received, 200);
    },
  );
}

const ListQuery = z
  .strictObject({
    sourceId: z.exactOptional(Id).meta({ description: 'Only those for this source.' }),
    source: z.exactOptional(Id).meta({ description: 'The older name of `sourceId`.', deprecated: true }),
    ...pageQuery,
  })
  .refine(({ source, sourceId }) => source === undefined || sourceId === undefined, {
    path: ['source'],
    message: 'It is the older name of sourceId. Leave it out.',
  });

function list(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'listImports',
      method: 'get',
      path: '/api/imports',
      tag,
      summary: 'List imports',
      description: 'Newest first.',
      query: ListQuery,
      answers: {
        200: { description: 'A page of imports.', schema: pageOf(Import), example: importListExample },
      },
    },
    async ({ query: { limit, cursor, source, sourceId = source } }) => {
      const start = placeOfCursor('imports', cursor, Place);
      if (isProblem(start)) return start;
      const rows = await listImports(deps.db, {
        limit: limit + 1,
        ...(sourceId !== undefined && { sourceId }),
        ...(start.place !== null && { after: start.place }),
      });
      const placeOf = (row: ImportRecord) => [row.startedMicroseconds, row.id];
      return { status: 200, body: pageOfRows({ list: 'imports', rows, limit, placeOf, show: showImport }) };
    },
  );
}

function get(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'getImport',
      method: 'get',
      path: '/api/imports/{id}',
      tag,
      summary: 'Read an import',
      description: 'Also while it runs: what is committed so far.',
      params: IdPath,
      answers: {
        200: { description: 'The import.', schema: ImportWithErrors, example: importWithErrorsExample },
      },
      problems: ['not_found'],
    },
    async ({ params, path }) => {
      const record = await getImport(deps.db, params.id);
      return record === null ? nothingHere(path) : await answerOf(deps, record, 200);
    },
  );
}

function watch(deps: ApiDeps, live: LiveConnections): Route {
  return progressRoute(live, {
    operationId: 'watchImport',
    path: '/api/imports/{id}/progress',
    tag,
    summary: 'Watch an import',
    what: 'import',
    shownBy: 'GET /api/imports',
    note: 'An import has ended when it is completed and streams have passed it.',
    exampleId: '8d3f2a6e-0c55-4c1b-9a55-3d9e6a1f7b20',
    read: async (id) => {
      const record = await getImport(deps.db, id);
      if (record === null) return null;
      const ended = record.status === 'completed' && record.streamsBehind.length === 0;
      return { shown: showImport(record), ended };
    },
  });
}
