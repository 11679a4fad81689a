import { z } from 'zod';
import { listRejected } from '../../db/event-lookup.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import type { ApiDeps } from '../deps.ts';
import { pageOfRows, placeOfCursor } from '../page.ts';
import { isProblem } from '../problem.ts';
import { retryRejected } from '../retry-rejected.ts';
import { invalidBody, nothingHere, route, type Route } from '../route.ts';
import { pageOf, pageQuery } from '../schemas/fields.ts';
import {
  RejectedEvent,
  rejectedExample,
  rejectedFilter,
  RejectedRetry,
  RejectedRetryEnd,
  rejectedRetryExample,
  showRejected,
  showRetry,
} from '../schemas/rejected.ts';
import { tag } from './events.ts';

const Place = z.tuple([z.int()]);
const RetryPlace = z.tuple([z.int(), z.int()]);
/** A request has at most so much: an event that was rejected is shown whole by its own address; bytes. */
const wholeBytes = 1_048_576;
/** How much of a rejected event a list shows, in bytes. */
const rejectedStartBytes = 8_192;

/** What did not get into the archive. */
export function rejectedRoutes(deps: ApiDeps): Route[] {
  return [list(deps), get(deps), retry(deps)];
}

function list(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'listRejectedEvents',
      method: 'get',
      path: '/api/rejected',
      tag,
      summary: 'List rejected events',
      description: 'Events that came in and could not be archived, newest first.',
      query: z.strictObject({ ...rejectedFilter, ...pageQuery }),
      answers: {
        200: {
          description: 'A page of rejected events.',
          schema: pageOf(RejectedEvent),
          example: { data: [rejectedExample], nextCursor: null },
        },
      },
    },
    async ({ query: { limit, cursor, ...filter } }) => {
      const start = placeOfCursor('rejected', cursor, Place);
      if (isProblem(start)) return start;
      const rows = await listRejected(deps.db, {
        filter,
        limit: limit + 1,
        startBytes: rejectedStartBytes,
        ...(start.place !== null && { before: start.place[0] }),
      });
      const page = pageOfRows({
        list: 'rejected',
        rows,
        limit,
        placeOf: (row) => [row.id],
        show: showRejected,
      });
      return { status: 200, body: page };
    },
  );
}

function get(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'getRejectedEvent',
      method: 'get',
      path: '/api/rejected/{id}',
      tag,
      summary: 'Read a rejected event',
      description: 'Whole, where the list shows its beginning.',
      params: z.strictObject({
        id: z
          .string()
          .regex(/^[1-9]\d{0,14}$/)
          .meta({ description: 'As the list has it.', example: '17' }),
      }),
      answers: {
        200: { description: 'The rejected event.', schema: RejectedEvent, example: rejectedExample },
      },
      problems: ['not_found'],
    },
    async ({ params, path }) => {
      const filter = { ids: [Number(params.id)] };
      const [row] = await listRejected(deps.db, { filter, limit: 1, startBytes: wholeBytes });
      return row === undefined ? nothingHere(path) : { status: 200, body: showRejected(row) };
    },
  );
}

function retry(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'retryRejectedEvents',
      role: 'operator',
      method: 'post',
      path: '/api/rejected/retry',
      tag,
      summary: 'Retry rejected events',
      description: `Sends rejected events through their door again, once what they were rejected for was mended here: the \`maxEventBytes\` of their source was raised, or a newer version takes what the one before did not. They are read as if they came again at the time at which they came: with their \`receivedAt\`, their messageId (or a new one, if they have none), and what their batch gave to them. Streams then send live ones like all others.

What is accepted leaves the list in the commit that archives it, so the same call again, or at the same time, archives nothing twice. A call works for about five seconds, oldest first, and says in \`nextCursor\` where to go on. Some events cannot be retried: \`retryObstacle\` in the list says which and why.`,
      body: RejectedRetry,
      bodyExample: { source: rejectedExample.sourceId, code: 'event_too_large' },
      answers: {
        200: {
          description: 'What became of them.',
          schema: RejectedRetryEnd,
          example: rejectedRetryExample,
        },
      },
    },
    async ({ body: { cursor, ...filter } }) => {
      const place = cursor === undefined ? null : decodeCursor('rejected-retry', cursor, RetryPlace);
      if (cursor !== undefined && place === null) {
        const detail =
          'This cursor is none of a retry. Use the nextCursor of its last answer, or leave it out.';
        return invalidBody([{ pointer: '/cursor', detail }]);
      }
      const end = await retryRejected(deps, filter, place);
      const nextCursor = end.next === null ? null : encodeCursor('rejected-retry', end.next);
      return { status: 200, body: showRetry(end, nextCursor) };
    },
  );
}
