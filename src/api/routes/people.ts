import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ServerResponse } from 'node:http';
import { createGzip } from 'node:zlib';
import { z } from 'zod';
import type { PersonId } from '../../core/named-person.ts';
import { archiveHead } from '../../db/archive/read.ts';
import { personEvents } from '../../db/person-events.ts';
import type { ApiDeps } from '../deps.ts';
import { route, type Route } from '../route.ts';
import { oneOfThem, personIds, suppressedId } from '../schemas/suppression.ts';

const event = {
  position: 182_340,
  receivedAt: '2026-10-14T02:11:09.120Z',
  sourceId: '6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e',
  type: 'track',
  userId: 'user-42',
  anonymousId: null,
  raw: '{"type":"track","event":"Order Completed","userId":"user-42"}',
  destinations: ['0f4b1d0e-52ab-4a0e-8e57-2f6c0a9d1e33'],
};
const end = { complete: true, events: 1, throughPosition: 190_000 };
const example = [event, end].map((line) => `${JSON.stringify(line)}\n`).join('');

/** What there is of a person. */
export function peopleRoutes(deps: ApiDeps): Route[] {
  return [
    route(
      {
        operationId: 'exportPerson',
        role: 'admin',
        method: 'get',
        path: '/api/people/export',
        tag: 'People',
        summary: 'Export the events of a person',
        description:
          'One line of JSON for each event of an id, compared exactly, oldest first: `raw` is the text that was sent, byte for byte, and `destinations` are those that have it. The last line says `complete`: a file without it broke off. It holds every event up to `throughPosition`, the end of the archive when the request came; the whole archive is read for it. Compressed if `Accept-Encoding` takes gzip.',
        query: z.strictObject(personIds).superRefine(oneOfThem),
        answers: {
          200: { description: 'The events, as NDJSON.', mediaType: 'application/x-ndjson', example },
        },
      },
      async ({ query, headers }) => {
        const upTo = await archiveHead(deps.db);
        const person = suppressedId(query) as PersonId;
        const gzip = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:[,\s]|$))/i.test(String(headers['accept-encoding']));
        return {
          status: 200,
          headers: {
            'content-type': 'application/x-ndjson; charset=utf-8',
            'content-disposition': 'attachment; filename="events.ndjson"',
            vary: 'accept-encoding',
            ...(gzip && { 'content-encoding': 'gzip' }),
          },
          stream: (response) => void send(deps, linesOf(deps, person, upTo), { response, gzip }),
        };
      },
    ),
  ];
}

async function* linesOf({ db }: ApiDeps, person: PersonId, upTo: number): AsyncGenerator<string> {
  let count = 0;
  for await (const events of personEvents(db, person, upTo)) {
    count += events.length;
    yield events.map((one) => `${JSON.stringify(one)}\n`).join('');
  }
  yield `${JSON.stringify({ complete: true, events: count, throughPosition: upTo })}\n`;
}

/** What breaks off ends without its last line, and without the end that HTTP has for it. */
async function send(
  { log, stopping }: ApiDeps,
  lines: AsyncGenerator<string>,
  { response, gzip }: { response: ServerResponse; gzip: boolean },
): Promise<void> {
  const source = Readable.from(lines);
  try {
    if (gzip) await pipeline(source, createGzip(), response, { signal: stopping });
    else await pipeline(source, response, { signal: stopping });
  } catch (error) {
    if (!stopping.aborted) log.info({ err: error }, 'an export broke off');
    response.destroy();
  }
}
