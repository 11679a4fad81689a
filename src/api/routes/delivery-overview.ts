import { getDestination } from '../../db/destinations.ts';
import type { Interval } from '../../db/lane-history.ts';
import { overviewOf, type OverviewPeriod } from '../delivery-overview.ts';
import type { ApiDeps } from '../deps.ts';
import { isProblem, type Problem } from '../problem.ts';
import { invalidQuery, nothingHere, route, type Route } from '../route.ts';
import { DeliveryOverview, overviewExample, periodQuery } from '../schemas/delivery-overview.ts';
import { IdPath } from '../schemas/fields.ts';
import { tag } from './destinations.ts';

const minuteMs = 60_000;
const dayMs = 86_400_000;
const intervalMs: Readonly<Record<Interval, number>> = {
  minute: minuteMs,
  hour: 60 * minuteMs,
  day: dayMs,
};
/** Points of a series: more are not seen in a chart. */
const mostIntervals = 1_500;

/** What becomes of a destination's events. */
export function deliveryOverviewRoutes(deps: ApiDeps): Route[] {
  return [
    route(
      {
        operationId: 'getDeliveryOverview',
        method: 'get',
        path: '/api/destinations/{id}/overview',
        tag,
        summary: 'What became of its events over a period',
        description:
          'For its stream and for its replays: how many events were decided, where they ended and why, what was given up on with what was sent and what came back, and all of it over time. Counts are written in the transaction that decides an event, so nothing is missing or told twice, also after a crash.',
        params: IdPath,
        query: periodQuery,
        answers: {
          200: { description: 'The overview.', schema: DeliveryOverview, example: overviewExample },
        },
        problems: ['not_found'],
      },
      async ({ params, query, path }) => {
        const period = periodOf(query, Date.now());
        if (isProblem(period)) return period;
        const destination = await getDestination(deps.db, params.id);
        if (destination === null) return nothingHere(path);
        return { status: 200, body: await overviewOf(deps, params.id, period) };
      },
    ),
  ];
}

function periodOf(
  asked: { from?: string; to?: string; interval: Interval },
  now: number,
): OverviewPeriod | Problem {
  const { interval } = asked;
  const to = Math.ceil((asked.to === undefined ? now + 1 : Date.parse(asked.to)) / minuteMs) * minuteMs;
  const first = asked.from === undefined ? to - dayMs : Date.parse(asked.from);
  const from = Math.floor(first / minuteMs) * minuteMs;
  if (from >= to) {
    return invalidQuery('from', 'The period ends before it begins. Give a `from` that lies before `to`.');
  }
  if ((to - from) / intervalMs[interval] > mostIntervals) {
    return invalidQuery(
      'interval',
      `These are more than ${mostIntervals} intervals. Take a longer interval or a shorter period.`,
    );
  }
  return { from: new Date(from), to: new Date(to), interval };
}
