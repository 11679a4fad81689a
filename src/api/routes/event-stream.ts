import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { eventFilterOf, eventFilterQuery } from '../event-query.ts';
import { WatcherHeaders, type LiveConnection, type LiveConnections } from '../live/connections.ts';
import { EventFeed } from '../live/event-feed.ts';
import { CatchUpTurns, EventTail, resumeWithin } from '../live/event-tail.ts';
import { isProblem } from '../problem.ts';
import { invalidQuery, route, type Route } from '../route.ts';
import { eventPageExample } from '../schemas/event.ts';
import { tag } from './events.ts';

const Rate = z.coerce.number().int().min(1).max(1_000).default(100).meta({
  description: 'Events a second at most. What comes beyond it is left out, and said.',
});

/** Following the archive. */
export function eventStreamRoute(deps: ApiDeps, live: LiveConnections): Route {
  const feed = new EventFeed(deps);
  const turns = new CatchUpTurns();
  return route(
    {
      operationId: 'followEvents',
      method: 'get',
      path: '/api/events/stream',
      tag,
      summary: 'Follow new events',
      description: `Server-sent events. \`event\`: an event of the archive, as \`GET /api/events\` answers it, as soon as it is committed, each once and in the order of positions. \`skipped\`: a stretch of positions of which events are left out, with how many (\`events\`, null where nobody has looked) and why: \`rate\`, \`slow_reader\` (what waits for a client that does not read is bounded), \`too_far_behind\`. A comment line every 15 seconds keeps the connection open.

The id of each is the position up to which the client has been told everything. A client that comes back with \`Last-Event-ID\`, to any process, goes on behind it, without the rate: nothing is lost and nothing comes twice, within ${resumeWithin.toLocaleString('en')} positions. The answer ends when the token holds no more.`,
      query: z.strictObject({
        ...eventFilterQuery,
        rate: Rate,
        after: z.exactOptional(z.coerce.number().int().min(0)).meta({
          description:
            'Begins behind this position. Absent: with what comes in from now on. `Last-Event-ID` goes before it.',
        }),
      }),
      headers: WatcherHeaders,
      answers: {
        200: {
          description: 'The events.',
          mediaType: 'text/event-stream',
          example: `id: 182340\nevent: event\ndata: ${JSON.stringify(eventPageExample.data[0])}\n\nid: 182412\nevent: skipped\ndata: {"reason":"rate","events":72,"fromPosition":182341,"toPosition":182412}\n\n`,
        },
      },
      problems: ['too_many_live_connections'],
    },
    ({ query: { rate, after, ...asked }, headers }) => {
      const filter = eventFilterOf(asked);
      if (isProblem(filter)) return Promise.resolve(filter);
      const known = headers['last-event-id'];
      if (known !== undefined && !/^\d{1,15}$/.test(String(known))) {
        const detail = 'Send an id that this stream has given, or leave the header out.';
        return Promise.resolve(invalidQuery('Last-Event-ID', detail));
      }
      const tail = { filter, perSecond: rate, after: known === undefined ? (after ?? null) : Number(known) };
      const follow = (connection: LiveConnection) =>
        new EventTail({ db: deps.db, feed, turns }, connection, tail).follow();
      return Promise.resolve(live.answer({ headers }, follow));
    },
  );
}
