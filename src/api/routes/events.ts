import { z } from 'zod';
import { getRetention } from '../../db/retention/setting.ts';
import { searchEvents } from '../../db/search/search.ts';
import { encodeCursor } from '../cursor.ts';
import type { ApiDeps } from '../deps.ts';
import { eventFilterOf, eventFilterQuery } from '../event-query.ts';
import { placeOfCursor } from '../page.ts';
import { isProblem } from '../problem.ts';
import { route, type Route } from '../route.ts';
import { EventPage, eventPageExample, showEventPage } from '../schemas/event.ts';
import { pageQuery } from '../schemas/fields.ts';

export const tag = 'Events';
const Place = z.tuple([z.int()]);

/** Looking at the archive. */
export function eventRoutes(deps: ApiDeps): Route[] {
  return [list(deps)];
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
        'Every filter has to fit. A filter that few events meet is searched for step by step: a request looks through a bounded part of the archive, so a page may hold fewer rows than `limit`, or none. `searchedThrough` says how far it came and `nextCursor` goes on from there; only a `nextCursor` of null means that all was looked through. Pages neither skip nor repeat an event while others come in: from the newest on, events that came in since the first page are not shown.',
      query: z.strictObject({
        ...eventFilterQuery,
        order: z.enum(['newest', 'oldest']).default('newest').meta({
          description: 'By position: what came into the archive last stands first, or last.',
        }),
        ...pageQuery,
      }),
      answers: {
        200: {
          description: 'A page of events.',
          schema: EventPage,
          example: eventPageExample,
        },
      },
    },
    async ({ query: { limit, cursor, order, ...asked } }) => {
      const filter = eventFilterOf(asked);
      if (isProblem(filter)) return filter;
      const cursors = order === 'newest' ? 'events' : 'events-oldest';
      const start = placeOfCursor(cursors, cursor, Place);
      if (isProblem(start)) return start;
      const behind = start.place === null ? {} : { behind: start.place[0] };
      const found = await searchEvents(deps.db, { filter, order, limit, ...behind });
      const kept = await getRetention(deps.db); // read last, so that it says what was missing here
      const cursorOf = (through: number) => encodeCursor(cursors, [through]);
      return { status: 200, body: showEventPage(found, kept, cursorOf) };
    },
  );
}
