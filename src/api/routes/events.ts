import { z } from 'zod';
import { applyEdits } from '../../core/completed-event.ts';
import { eventTypes, type Edit } from '../../core/event.ts';
import { SearchText } from '../../core/replay-request.ts';
import {
  eventAt,
  eventOfMessage,
  listEvents,
  type EventWithText as EventRecordWithText,
} from '../../db/event-lookup.ts';
import { encodeCursor } from '../cursor.ts';
import type { ApiDeps } from '../deps.ts';
import { placeOfCursor } from '../page.ts';
import { isProblem } from '../problem.ts';
import { nothingHere, route, type Route } from '../route.ts';
import { Event, eventExample, EventWithText, eventWithTextExample, showEvent } from '../schemas/event.ts';
import { Id, pageOf, pageQuery } from '../schemas/fields.ts';

export const tag = 'Events';
const Place = z.tuple([z.int()]);

/** Looking at the archive. */
export function eventRoutes(deps: ApiDeps): Route[] {
  return [list(deps), get(deps)];
}

function list(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'listEvents',
      method: 'get',
      path: '/api/events',
      tag,
      summary: 'List events',
      description:
        'Newest first. A filter that few events meet is searched for about two seconds per request: the page may then hold fewer rows than `limit`, or none, and `nextCursor` goes on from there. Only a `nextCursor` of null means that the start of the archive was reached.',
      query: z.strictObject({
        type: z.exactOptional(z.enum(eventTypes)),
        name: z
          .exactOptional(SearchText)
          .meta({ description: 'Compared exactly.', example: 'Order Completed' }),
        user: z
          .exactOptional(SearchText)
          .meta({ description: 'Compared exactly with `userId` and with `anonymousId`.' }),
        source: z.exactOptional(Id).meta({ description: 'Id of a source.' }),
        messageId: z.exactOptional(SearchText),
        ...pageQuery,
      }),
      answers: {
        200: {
          description: 'A page of events.',
          schema: pageOf(Event),
          example: { data: [eventExample], nextCursor: null },
        },
      },
    },
    async ({ query: { limit, cursor, ...filter } }) => {
      const start = placeOfCursor('events', cursor, Place);
      if (isProblem(start)) return start;
      const before = start.place === null ? {} : { before: start.place[0] };
      const { events, next } = await listEvents(deps.db, { filter, limit, ...before });
      const nextCursor = next === null ? null : encodeCursor('events', [next]);
      return { status: 200, body: { data: events.map(showEvent), nextCursor } };
    },
  );
}

function get(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'getEvent',
      method: 'get',
      path: '/api/events/{id}',
      tag,
      summary: 'Read an event',
      description:
        'By its position (digits), else by its messageId; of several sources that used the same messageId the newest event. Messages are known for as long as duplicates are removed (90 days): older ones are found with the list’s filter.',
      params: z.strictObject({
        id: z
          .string()
          .min(1)
          .max(10_000)
          .meta({ description: 'A position or a messageId.', example: '182340' }),
      }),
      answers: {
        200: { description: 'The event.', schema: EventWithText, example: eventWithTextExample },
      },
      problems: ['not_found'],
    },
    async ({ params: { id }, path }) => {
      const position = /^\d{1,15}$/.test(id) ? Number(id) : null;
      const event = position === null ? await eventOfMessage(deps.db, id) : await eventAt(deps.db, position);
      return event === null ? nothingHere(path) : { status: 200, text: eventText(event) };
    },
  );
}

/** Written by hand around the completed event's own text: a parse would round numbers that a double cannot hold. */
function eventText(event: EventRecordWithText): string {
  const completed = applyEdits(Buffer.from(event.raw), JSON.parse(event.edits) as Edit[]);
  const rest = JSON.stringify({ ...showEvent(event), raw: event.raw });
  return `${rest.slice(0, -1)},"event":${Buffer.from(completed).toString()}}`;
}
