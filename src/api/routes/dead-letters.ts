import { z } from 'zod';
import { SearchText } from '../../core/replay-request.ts';
import {
  deadLetterClasses,
  getDeadLetter,
  listDeadLetters,
  type DeadLetterFilter,
} from '../../db/dead-letters.ts';
import type { ApiDeps } from '../deps.ts';
import { pageOfRows, placeOfCursor } from '../page.ts';
import { isProblem } from '../problem.ts';
import { nothingHere, route, type Route } from '../route.ts';
import {
  DeadLetter,
  DeadLetterClasses,
  deadLetterExample,
  ErrorClass,
  showDeadLetter,
  showDeadLetterClass,
} from '../schemas/dead-letter.ts';
import { Id, IdPath, pageOf, pageQuery } from '../schemas/fields.ts';

export const tag = 'Dead letters';
const Place = z.tuple([z.int(), z.uuid()]);
/** Kinds of failure are few; more than these nobody reads. */
const mostClasses = 1_000;

const filter = {
  destinationId: z.exactOptional(Id),
  replayId: z.exactOptional(Id).meta({ description: 'Only those that died in this replay.' }),
  diedIn: z
    .exactOptional(z.enum(['stream', 'replay']))
    .meta({ description: 'Only those that died in a destination’s stream, or in replays.' }),
  errorClass: z.exactOptional(ErrorClass),
  open: z.exactOptional(z.enum(['true', 'false'])).meta({
    description:
      'true: only those that can be retried. false: only those that were delivered since, are taken up already, or cannot be sent any more.',
  }),
  user: z
    .exactOptional(SearchText)
    .meta({ description: 'Compared exactly with the event’s `userId` and `anonymousId`.' }),
  source: z.exactOptional(Id).meta({ description: 'Id of the source that the event came from.' }),
};

/** Deliveries given up on. */
export function deadLetterRoutes(deps: ApiDeps): Route[] {
  return [list(deps), classes(deps), get(deps)];
}

function list(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'listDeadLetters',
      method: 'get',
      path: '/api/dead-letters',
      tag,
      summary: 'List dead letters',
      description:
        'Deliveries given up on, newest first. `POST /api/dead-letters/retry` takes them up again.',
      query: z.strictObject({ ...filter, ...pageQuery }),
      answers: {
        200: {
          description: 'A page of dead letters.',
          schema: pageOf(DeadLetter),
          example: { data: [deadLetterExample], nextCursor: null },
        },
      },
    },
    async ({ query: { limit, cursor, ...asked } }) => {
      const start = placeOfCursor('dead-letters', cursor, Place);
      if (isProblem(start)) return start;
      const after = start.place === null ? {} : { after: start.place };
      const rows = await listDeadLetters(deps.db, { ...filterOf(asked), ...after, limit: limit + 1 });
      const page = pageOfRows({
        list: 'dead-letters',
        rows,
        limit,
        placeOf: (row) => row.place,
        show: showDeadLetter,
      });
      return { status: 200, body: page };
    },
  );
}

function classes(deps: ApiDeps): Route {
  const { destinationId, errorClass, diedAt } = deadLetterExample;
  return route(
    {
      operationId: 'listDeadLetterClasses',
      method: 'get',
      path: '/api/dead-letters/classes',
      tag,
      summary: 'Count dead letters by destination and kind of failure',
      description:
        'The most frequent first, each with its newest sample. Counting only what is open takes longer than counting all.',
      query: z.strictObject(filter),
      answers: {
        200: {
          description: 'All kinds.',
          schema: DeadLetterClasses,
          example: {
            data: [
              {
                destinationId,
                errorClass,
                count: 12,
                firstDiedAt: diedAt,
                lastDiedAt: diedAt,
                sample: deadLetterExample,
              },
            ],
          },
        },
      },
    },
    async ({ query }) => {
      const groups = await deadLetterClasses(deps.db, filterOf(query), mostClasses);
      return { status: 200, body: { data: groups.map(showDeadLetterClass) } };
    },
  );
}

function get(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'getDeadLetter',
      method: 'get',
      path: '/api/dead-letters/{id}',
      tag,
      summary: 'Read a dead letter',
      params: IdPath,
      answers: { 200: { description: 'The dead letter.', schema: DeadLetter, example: deadLetterExample } },
      problems: ['not_found'],
    },
    async ({ params, path }) => {
      const letter = await getDeadLetter(deps.db, params.id);
      return letter === null ? nothingHere(path) : { status: 200, body: showDeadLetter(letter) };
    },
  );
}

function filterOf({
  open,
  ...asked
}: Omit<DeadLetterFilter, 'open'> & { open?: 'true' | 'false' }): DeadLetterFilter {
  return { ...asked, ...(open !== undefined && { open: open === 'true' }) };
}
