import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import type { LiveConnections } from '../live/connections.ts';
import { DeliveryFeed, toldAtOnce } from '../live/delivery-feed.ts';
import { followDeliveries } from '../live/delivery-tail.ts';
import { route, type Route } from '../route.ts';
import { deliveryNewsExample } from '../schemas/delivery-news.ts';
import { Id } from '../schemas/fields.ts';

/** Following what becomes of deliveries. */
export function deliveryStreamRoute(deps: ApiDeps, live: LiveConnections): Route {
  const feed = new DeliveryFeed(deps);
  return route(
    {
      operationId: 'followDeliveries',
      method: 'get',
      path: '/api/deliveries/stream',
      tag: 'Destinations',
      summary: 'Follow deliveries',
      description: `Server-sent events. \`following\`: from here on (\`since\`) nothing is missed. \`deliveries\`: what has become of the deliveries of one stream, or of one replay, as their commits have it, gathered for about a second: \`counts\` of all that ended, and of each kind up to ${toldAtOnce} one by one (\`delivered\`, \`setAside\` for a later try, \`dead\`); \`omitted\` says how many more there were. What a stream and a replay of the same destination do is told apart. \`skipped\`: a client that does not read has missed so many \`changes\`. A comment line every 15 seconds keeps the connection open.

It is live only: what happened before, or while nobody followed, stands in \`GET /api/destinations/{id}/overview\`, in the dead letters, and with each event. The answer ends when the token holds no more.`,
      query: z.strictObject({
        destinationId: z
          .exactOptional(Id.overwrite((id) => id.toLowerCase()))
          .meta({ description: 'Absent: of all destinations.' }),
        kind: z
          .exactOptional(z.enum(['stream', 'replay']))
          .meta({ description: 'Absent: of streams and of replays.' }),
      }),
      answers: {
        200: {
          description: 'The events.',
          mediaType: 'text/event-stream',
          example: `event: following\ndata: {"since":"2026-11-22T09:30:00.000Z"}\n\nevent: deliveries\ndata: ${JSON.stringify(deliveryNewsExample)}\n\n`,
        },
      },
      problems: ['too_many_live_connections'],
    },
    ({ query, headers }) =>
      Promise.resolve(live.answer({ headers }, (connection) => followDeliveries(feed, connection, query))),
  );
}
