import { z } from 'zod';
import { listOperatorEvents } from '../../db/operator-events.ts';
import type { ApiDeps } from '../deps.ts';
import { pageOfRows, placeOfCursor } from '../page.ts';
import { isProblem } from '../problem.ts';
import { route, type Route } from '../route.ts';
import { Id, pageOf, pageQuery } from '../schemas/fields.ts';
import {
  OperatorEvent,
  operatorEventExample,
  OperatorEventType,
  showOperatorEvent,
} from '../schemas/operator-event.ts';

const Place = z.tuple([z.int()]);
const list = 'operator-events';

/** What an operator wants to hear of. */
export function operatorEventRoutes(deps: ApiDeps): Route[] {
  return [
    route(
      {
        operationId: 'listOperatorEvents',
        method: 'get',
        path: '/api/operator-events',
        tag: 'Operator events',
        summary: 'List what operators want to hear of',
        description:
          'Newest first, of the last 90 days: a replay that began, paused, went on or ended; a destination that fails at a fifth of its deliveries over ten minutes or does so no more, that was held back for half a minute, that was not held back any more for two, or that was disabled because it answered that it is gone; the first delivery given up on in a replay or stream for each kind of failure and day. Each is written in the transaction that makes it so, and once, whatever dies.',
        query: z.strictObject({
          type: z.exactOptional(OperatorEventType).meta({ description: 'Only these.' }),
          destinationId: z.exactOptional(Id).meta({ description: 'Only of this destination.' }),
          ...pageQuery,
        }),
        answers: {
          200: {
            description: 'A page of events.',
            schema: pageOf(OperatorEvent),
            example: { data: [operatorEventExample], nextCursor: null },
          },
        },
      },
      async ({ query: { limit, cursor, ...asked } }) => {
        const start = placeOfCursor(list, cursor, Place);
        if (isProblem(start)) return start;
        const before = start.place === null ? {} : { before: start.place[0] };
        const rows = await listOperatorEvents(deps.db, { ...asked, ...before, limit: limit + 1 });
        const page = pageOfRows({
          list,
          rows,
          limit,
          placeOf: (row) => [row.number],
          show: showOperatorEvent,
        });
        return { status: 200, body: page };
      },
    ),
  ];
}
