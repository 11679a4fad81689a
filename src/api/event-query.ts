import { z } from 'zod';
import type { EventFilter } from '../core/event-filter.ts';
import { eventTypes, origins } from '../core/event.ts';
import { SearchText } from '../core/replay-request.ts';
import type { Problem } from './problem.ts';
import { invalidQuery } from './route.ts';
import { Id, Moment, several } from './schemas/fields.ts';

/** The parameters by which events are looked for, wherever events are listed or followed. */
export const eventFilterQuery = {
  type: several(z.enum(eventTypes)).meta({ description: 'Kinds of call. Give it again for another one.' }),
  name: several(SearchText).meta({
    description: 'Names of track, page and screen calls, compared exactly. Give it again for another one.',
    example: ['Order Completed'],
  }),
  user: several(SearchText).meta({
    description: 'Compared exactly with `userId` and with `anonymousId`. Give it again for another user.',
  }),
  source: several(Id).meta({
    description: 'Ids of sources. Give it again for another one.',
  }),
  origin: several(z.enum(origins)).meta({
    description:
      'How an event came in. `import`: imported history, which streams pass over. Give it again for another one.',
  }),
  messageId: z.exactOptional(SearchText).meta({ description: 'Compared exactly.' }),
  messageIdPrefix: z.exactOptional(SearchText).meta({ description: 'What the messageId begins with.' }),
  from: z.exactOptional(Moment).meta({
    description:
      'First moment that is taken (inclusive), or a time before now: `90m`, `12h`, `30d`, `4w`. Absent: from where the archive is kept.',
    example: '2026-10-14T00:00:00Z',
  }),
  to: z
    .exactOptional(Moment)
    .meta({ description: 'Events before it are taken (exclusive). Absent: up to now.' }),
  by: z.enum(['received', 'event']).default('received').meta({
    description:
      'What `from` and `to` are compared with. `received`: when the archive took the event in (of imported history what its file says). `event`: the event’s own, corrected time.',
  }),
};

const Query = z.strictObject(eventFilterQuery);

/** The filter that these parameters ask for. Times are cut to milliseconds, as the archive has them. */
export function eventFilterOf(query: z.output<typeof Query>): EventFilter | Problem {
  const { type, name, user, source, origin, messageId, messageIdPrefix, by } = query;
  const from = query.from === undefined ? undefined : new Date(query.from);
  const to = query.to === undefined ? undefined : new Date(query.to);
  if (from !== undefined && to !== undefined && from >= to) {
    return invalidQuery('from', 'The time ends before it begins. Give a `from` that lies before `to`.');
  }
  const [fromName, toName] =
    by === 'event' ? (['timestampFrom', 'timestampTo'] as const) : (['receivedFrom', 'receivedTo'] as const);
  return {
    ...(type !== undefined && { types: type }),
    ...(name !== undefined && { names: name }),
    ...(user !== undefined && { users: user }),
    ...(source !== undefined && { sources: source }),
    ...(origin !== undefined && { origins: origin }),
    ...(messageId !== undefined && { messageId }),
    ...(messageIdPrefix !== undefined && { messageIdPrefix }),
    ...(from !== undefined && { [fromName]: from.toISOString() }),
    ...(to !== undefined && { [toName]: to.toISOString() }),
  };
}
