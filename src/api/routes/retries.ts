import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { ReplayRequest, replayRequestFields } from '../../core/replay-request.ts';
import type { DeadLetterChoice } from '../../db/dead-letter-holders.ts';
import { getDestination } from '../../db/destinations.ts';
import { createReplay, getReplay } from '../../db/replays.ts';
import type { RunRecord } from '../../db/runs.ts';
import type { Queryable } from '../../db/sql.ts';
import { strangerAmong } from '../../db/take-up.ts';
import { allowedBy, unknownAllowed } from '../replay-actions.ts';
import { creatingRoute, type Created } from '../creating.ts';
import type { ApiDeps } from '../deps.ts';
import type { Problem } from '../problem.ts';
import { invalidBody, nothingHere, type Route } from '../route.ts';
import { deadLetterExample, ErrorClass } from '../schemas/dead-letter.ts';
import { Id, IdPath } from '../schemas/fields.ts';
import { replayExample, ReplayWithWarnings } from '../schemas/replay.ts';
import { answerOfCreation } from '../starting.ts';
import { tag as deadLetterTag } from './dead-letters.ts';
import { tag as replayTag } from './replays.ts';

const { allowSideEffects } = replayRequestFields;
const RetryFailed = z.strictObject({ allowSideEffects });
const Retry = z.strictObject({
  destinationId: Id,
  errorClass: z.exactOptional(ErrorClass),
  replayId: z.exactOptional(Id).meta({ description: 'Only those that died in this replay.' }),
  ids: z
    .exactOptional(z.array(Id).min(1).max(1_000))
    .meta({ description: 'Only these dead letters, as far as they are open.' }),
  allowSideEffects,
});

const text = `Makes a replay (mode \`failed\`) over exactly the dead letters that are meant and open: not delivered since, not waiting, not in the hands of another replay. Other deliveries of the same events are left alone. Each letter names the replay as \`retriedBy\`; what is delivered is open no more, what fails again is a new dead letter, and what the replay leaves (when it is cancelled, for example) is open again after its end.

The answer comes within about a second, however many they are. What has not been marked by then is marked before anything is sent: until then \`counts.selected\` says how many events it is by now, \`selectedExact\` is false, and the reason is \`taking_up\`. It takes up what was open when it was asked for, but for what something else delivers or tries again before it is marked; a letter that dies later is not among them.

Each letter is tried again by the action that gave up on it, and by no other, in the newest version of its mapping. Where such an action reaches people or takes something away it has to be named in \`allowSideEffects\`, as for every replay: what was given up on may be of any age, and nobody has to expect it any more. Actions that none of the letters is of are not asked about.

A replay that is named becomes its parent and lends it pace, order, labels, what it was allowed (\`allowSideEffects\`) and whether deliveries get new ids, but not its schedule: it sends at once, unless PATCH gives it one.`;

const example = {
  ...replayExample,
  parentId: '7a0e5c93-2f1b-4d68-b9a4-0c3e8d5f1b72',
  request: {
    destinationId: replayExample.destinationId,
    range: { by: 'position' as const },
    mode: 'failed' as const,
    newIds: false,
    pace: {},
    order: 'user' as const,
  },
  warnings: [],
};
const answers = {
  201: {
    description:
      'The replay that takes them up. While another replay of the destination is not over it is `planned`, and begins by itself when that one has ended.',
    schema: ReplayWithWarnings,
    example,
  },
};
const problems = ['nothing_to_retry', 'destination_disabled', 'side_effects'] as const;

/** Retrying by hand what was given up on. */
export function retryRoutes(deps: ApiDeps): Route[] {
  return [retryOfReplay(deps), retryOfLetters(deps)];
}

function retryOfReplay(deps: ApiDeps): Route {
  return creatingRoute(
    deps,
    {
      operationId: 'retryFailed',
      role: 'operator',
      method: 'post',
      path: '/api/replays/{id}/retry-failed',
      makesAnother: true,
      tag: replayTag,
      summary: 'Retry what a replay gave up on',
      description: text,
      params: IdPath,
      body: RetryFailed,
      bodyOptional: true,
      bodyExample: { allowSideEffects: ['sendEmail'] },
      answers,
      problems: ['not_found', ...problems],
    },
    async ({ params, path, body }, tx) => {
      const parent = await getReplay(tx, params.id);
      if (parent === null) return nothingHere(path);
      const { destinationId } = parent;
      return await retry(deps, tx, { destinationId, parent, choice: { replayId: parent.id }, ...body });
    },
  );
}

function retryOfLetters(deps: ApiDeps): Route {
  const { destinationId, errorClass } = deadLetterExample;
  return creatingRoute(
    deps,
    {
      operationId: 'retryDeadLetters',
      role: 'operator',
      method: 'post',
      path: '/api/dead-letters/retry',
      tag: deadLetterTag,
      summary: 'Retry dead letters',
      description: text,
      body: Retry,
      bodyExample: { destinationId, errorClass },
      answers,
      problems,
    },
    async ({ body: { destinationId, allowSideEffects, ...choice } }, tx) => {
      const { replayId, ids = [] } = choice;
      const parent = replayId === undefined ? null : await getReplay(tx, replayId);
      if (replayId !== undefined && parent?.destinationId !== destinationId) {
        return invalidBody([{ pointer: '/replayId', detail: 'The destination has no replay of this id.' }]);
      }
      const stranger = await strangerAmong(tx, destinationId, ids);
      if (stranger !== null) {
        const pointer = `/ids/${ids.indexOf(stranger)}`;
        return invalidBody([{ pointer, detail: 'The destination has no dead letter of this id.' }]);
      }
      const allowed = allowSideEffects === undefined ? {} : { allowSideEffects };
      return await retry(deps, tx, { destinationId, parent, choice, ...allowed });
    },
  );
}

interface Asked {
  readonly destinationId: string;
  readonly parent: RunRecord | null;
  readonly choice: DeadLetterChoice;
  readonly allowSideEffects?: readonly string[];
}

async function retry(
  deps: ApiDeps,
  tx: Queryable,
  { destinationId, parent, choice, allowSideEffects: asked = [] }: Asked,
): Promise<Created | Problem> {
  const destination = asked.length === 0 ? null : await getDestination(tx, destinationId);
  const unknown = destination && unknownAllowed(destination, asked);
  if (unknown !== null) return unknown;
  const allowed = [...new Set([...(parent === null ? [] : allowedBy(parent)), ...asked])];
  const request = ReplayRequest.parse({
    destinationId,
    range: { by: 'position' },
    mode: 'failed',
    ...(allowed.length > 0 && { allowSideEffects: allowed }),
    ...(parent !== null && lent(parent)),
  });
  const parentId = parent === null ? {} : { parentId: parent.id };
  const id = randomUUID();
  const retry = { id, destinationId, request, choice, whenBusy: 'wait', ...parentId } as const;
  return await answerOfCreation(deps, tx, await createReplay(tx, retry));
}

/** What a replay lends to one that takes up what it gave up on: as it is now, not as it began. */
function lent({ newIds, orderBy, eventsPerSecond, maxConcurrent, labels }: RunRecord) {
  return {
    ...(labels.length > 0 && { labels }),
    newIds,
    order: orderBy,
    pace: {
      ...(eventsPerSecond !== null && { eventsPerSecond }),
      ...(maxConcurrent !== null && { maxConcurrent }),
    },
  };
}
