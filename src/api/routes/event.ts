import { z } from 'zod';
import { applyEdits } from '../../core/completed-event.ts';
import { completionOf } from '../../core/completion.ts';
import type { Edit, Position } from '../../core/event.ts';
import { eventAt, eventOfMessage, type EventWithText as EventRecord } from '../../db/event-lookup.ts';
import { archivedEventAt } from '../../db/event-traces.ts';
import type { ApiDeps } from '../deps.ts';
import { deliveriesOf } from '../event-deliveries.ts';
import { problem, type Problem } from '../problem.ts';
import { nothingHere, route, type Route } from '../route.ts';
import { EventWithText, eventWithTextExample, showEvent } from '../schemas/event.ts';
import { tag } from './events.ts';

/** One event: as it was sent, as it goes out, and every delivery of it. */
export function eventRoute(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'getEvent',
      method: 'get',
      path: '/api/events/{id}',
      tag,
      summary: 'Read an event',
      description:
        'By its position (digits), else by its messageId; of several sources that used the same messageId the newest event. Messages are known for as long as duplicates are removed (90 days unless configured): older ones are found with the list’s filter.\n\nWith every delivery of it: by the stream and by replays, those that wait or were given up on, and where there is none, why. Successes are derived from what each action has, so they have a window of time rather than a time.',
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
      if (event !== null) return { status: 200, text: await eventText(deps, event) };
      return position === null ? nothingHere(path) : await absent(deps, position, path);
    },
  );
}

/** Written by hand around the completed event's own text: a parse would round numbers that a double cannot hold. */
async function eventText({ db }: ApiDeps, event: EventRecord): Promise<string> {
  const raw = Buffer.from(event.raw);
  const edits = JSON.parse(event.edits) as Edit[];
  const rest = JSON.stringify({
    ...showEvent(event),
    raw: event.raw,
    supplied: completionOf(raw, edits),
    deliveries: await deliveriesOf(db, event.position),
  });
  return `${rest.slice(0, -1)},"event":${Buffer.from(applyEdits(raw, edits)).toString()}}`;
}

/** Why there is no event at a position: of a person who was deleted a tombstone stands there. */
async function absent({ db }: ApiDeps, position: Position, path: string): Promise<Problem> {
  if ((await archivedEventAt(db, position)) === null) return nothingHere(path);
  return problem(
    'not_found',
    `The event at position ${position} was of a person who was deleted. A tombstone keeps its place, so that counts and cursors stay right; nothing else of it is left.`,
  );
}
