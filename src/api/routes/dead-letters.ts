import { z } from 'zod';
import { listDeadLetters } from '../../db/dead-letters.ts';
import type { ApiDeps } from '../deps.ts';
import { pageOfRows, placeOfCursor } from '../page.ts';
import { isProblem } from '../problem.ts';
import { route, type Route } from '../route.ts';
import { DeadLetter, deadLetterExample, showDeadLetter } from '../schemas/dead-letter.ts';
import { Id, pageOf, pageQuery } from '../schemas/fields.ts';

const Place = z.tuple([z.int(), z.uuid()]);

/** Deliveries given up on. */
export function deadLetterRoutes(deps: ApiDeps): Route[] {
  return [list(deps)];
}

function list(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'listDeadLetters',
      method: 'get',
      path: '/api/dead-letters',
      tag: 'Dead letters',
      summary: 'List dead letters',
      description: 'Deliveries given up on, newest first. A replay with mode `failed` takes them up again.',
      query: z.strictObject({
        destinationId: z.exactOptional(Id),
        replayId: z.exactOptional(Id).meta({ description: 'Only those that died in this replay.' }),
        errorClass: z
          .exactOptional(z.string().regex(/^[\w.-]{1,100}$/))
          .meta({ description: 'Only failures of this kind.', example: 'http_400' }),
        ...pageQuery,
      }),
      answers: {
        200: {
          description: 'A page of dead letters.',
          schema: pageOf(DeadLetter),
          example: { data: [deadLetterExample], nextCursor: null },
        },
      },
    },
    async ({ query: { limit, cursor, ...filter } }) => {
      const start = placeOfCursor('dead-letters', cursor, Place);
      if (isProblem(start)) return start;
      const after = start.place === null ? {} : { after: start.place };
      const rows = await listDeadLetters(deps.db, { ...filter, ...after, limit: limit + 1 });
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
