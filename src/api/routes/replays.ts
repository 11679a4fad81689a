import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { beginsTooLate, freezeRange, rangeIsEmpty } from '../../core/replay-range.ts';
import { ReplayRequest, SearchText, type ReplayRange } from '../../core/replay-request.ts';
import { replayStatuses } from '../../core/replay-status.ts';
import { getDestination } from '../../db/destinations.ts';
import { listReplays } from '../../db/replay-list.ts';
import { createReplay, getReplay } from '../../db/replays.ts';
import type { RunRecord } from '../../db/runs.ts';
import { creatingRoute } from '../creating.ts';
import type { ApiDeps } from '../deps.ts';
import { pageOfRows, placeOfCursor } from '../page.ts';
import { isProblem, type Problem } from '../problem.ts';
import { invalidBody, nothingHere, route, type Route } from '../route.ts';
import { Id, IdPath, pageOf, pageQuery, several } from '../schemas/fields.ts';
import { Replay, replayExample, ReplayWithWarnings, showReplay } from '../schemas/replay.ts';
import { actionsOfReplay } from '../replay-actions.ts';
import { answerOfCreation } from '../starting.ts';
import { namedIn, unknownSources } from '../unknown-sources.ts';

export const tag = 'Replays';
const Place = z.tuple([z.int()]);

/** Asking for replays and reading them. */
export function replayRoutes(deps: ApiDeps): Route[] {
  return [create(deps), list(deps), get(deps)];
}

const createText = `Sends archived events to one destination again, while its stream goes on with new ones.

- **May an event that arrived be sent again?** Not by itself: with mode \`missing\` what the destination has is left out, so the same request twice sends nothing twice. Mode \`all\` sends everything that is selected, with new delivery ids unless \`newIds\` says otherwise.
- **To whom?** To the one destination named here, as it is connected now: its settings and budget apply as they are at each moment, its actions in the versions that they have when the replay is created.
- **What was given up on?** Mode \`failed\` takes up the dead letters of the selection that are open; \`POST /api/dead-letters/retry\` chooses among them.
- **What about a pending retry of the same event?** It stays where it is: an event that waits for its next try in the stream or in another replay is left out and counted as filtered, reason \`waiting_elsewhere\`.

- **When?** At once, unless \`schedule\` names a time or hours. Until \`startAt\` it is \`planned\` and stands in nobody's way: other replays of the destination may run. What it lacks, its range and its actions are decided when it begins, up to where the stream has come by then; until then \`range\` and \`counts\` show how it would be now, and relative times count from the request. If another replay of the destination runs at that time, it begins when that one has ended. Paused before, it does not begin until it is resumed. Once it has begun it occupies its destination, also outside its windows. A window that closes stops it as a pause does: what is in flight is finished, nothing is repeated.

A range that reaches into what the destination’s stream owns is cut there, and the answer says so.`;

function create(deps: ApiDeps): Route {
  return creatingRoute(
    deps,
    {
      operationId: 'createReplay',
      role: 'operator',
      method: 'post',
      path: '/api/replays',
      tag,
      summary: 'Start a replay',
      description: createText,
      body: ReplayRequest,
      bodyExample: {
        destinationId: '0f4b1d0e-52ab-4a0e-8e57-2f6c0a9d1e33',
        range: { from: '2026-10-14T02:00:00Z', to: '2026-10-14T08:00:00Z' },
        filter: { types: ['track'], names: ['Order Completed'] },
        pace: { eventsPerSecond: 30 },
        schedule: {
          timeZone: 'Europe/Berlin',
          windows: [
            { from: '22:00', to: '06:00' },
            { from: '12:00', to: '13:00', days: ['sat', 'sun'], eventsPerSecond: 10 },
          ],
        },
        label: 'October outage',
      },
      answers: {
        201: {
          description:
            'The replay. It starts at once, or as soon as Temporal can be reached; one that begins later is `planned`.',
          schema: ReplayWithWarnings,
          example: { ...replayExample, warnings: [] },
        },
      },
      problems: ['replay_running', 'destination_disabled', 'side_effects'],
    },
    async ({ body }, tx) => {
      const range = rangeOf(body, Date.now());
      if (isProblem(range)) return range;
      const named = [
        ...namedIn('/filter/sources', body.filter?.sources),
        ...namedIn('/exclude/sources', body.exclude?.sources),
      ];
      const refused = await unknownSources(tx, named, 'never');
      if (refused !== null) return refused;
      const { destinationId } = body;
      const destination = await getDestination(tx, destinationId);
      const actions = destination && actionsOfReplay(destination, body);
      if (isProblem(actions)) return actions;
      const request = { ...body, range, ...(actions !== null && { actions: [...actions] }) };
      const made = await createReplay(tx, { id: randomUUID(), destinationId, request });
      return await answerOfCreation(deps, tx, made);
    },
  );
}

/** The range of a request, frozen; or why nothing can lie in it. */
function rangeOf({ range: asked, schedule }: ReplayRequest, now: number): ReplayRange | Problem {
  const range = freezeRange(asked, now);
  if (rangeIsEmpty(range)) return emptyRange('to');
  // One that begins later also takes what comes until then.
  const { startAt } = schedule ?? {};
  const begins = startAt === undefined ? now : Math.max(now, Date.parse(startAt));
  return beginsTooLate(range, begins) ? tooLate : range;
}

/** The refusal of a range that ends before it begins. @param end the one that was given */
export const emptyRange = (end: 'from' | 'to'): Problem =>
  invalidBody([
    {
      pointer: `/range/${end}`,
      detail:
        end === 'to'
          ? 'The range ends before it begins. Give a `to` that lies after `from`.'
          : 'The range would end before it begins. Give a `from` that lies before its end, or a later `to`, too.',
    },
  ]);

const tooLate = invalidBody([
  {
    pointer: '/range/from',
    detail:
      'The range begins when the replay does, or later: nothing can have been received by then. Give an earlier `from`.',
  },
]);

function list(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'listReplays',
      method: 'get',
      path: '/api/replays',
      tag,
      summary: 'List replays',
      description: 'Newest first.',
      query: z.strictObject({
        destinationId: z.exactOptional(Id).meta({ description: 'Only those of this destination.' }),
        open: z
          .exactOptional(z.enum(['true', 'false']))
          .meta({ description: 'true: only those that have not ended. false: only those that have.' }),
        status: several(z.enum(replayStatuses)).meta({
          description: 'Only those of this status. Give it again for another one.',
        }),
        label: z.exactOptional(SearchText).meta({
          description: 'Only those that have this among their `labels`, or as their `label`, exactly.',
          example: 'team:growth',
        }),
        ...pageQuery,
      }),
      answers: {
        200: {
          description: 'A page of replays.',
          schema: pageOf(Replay),
          example: { data: [replayExample], nextCursor: null },
        },
      },
    },
    async ({ query: { open, status, limit, cursor, ...filter } }) => {
      const start = placeOfCursor('replays', cursor, Place);
      if (isProblem(start)) return start;
      const rows = await listReplays(deps.db, {
        limit: limit + 1,
        ...filter,
        ...(open !== undefined && { open: open === 'true' }),
        ...(status !== undefined && { statuses: status }),
        ...(start.place !== null && { before: start.place[0] }),
      });
      const show = (run: RunRecord) => showReplay(run, deps.orchestrator);
      const page = pageOfRows({ list: 'replays', rows, limit, placeOf: (run) => [run.number], show });
      return { status: 200, body: page };
    },
  );
}

function get(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'getReplay',
      method: 'get',
      path: '/api/replays/{id}',
      tag,
      summary: 'Read a replay',
      params: IdPath,
      answers: { 200: { description: 'The replay.', schema: Replay, example: replayExample } },
      problems: ['not_found'],
    },
    async ({ params, path }) => {
      const run = await getReplay(deps.db, params.id);
      return run === null ? nothingHere(path) : { status: 200, body: showReplay(run, deps.orchestrator) };
    },
  );
}
