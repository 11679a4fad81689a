import { z } from 'zod';
import { askGiveUp, gaveUp } from '../../db/ask-give-up.ts';
import { getDestination } from '../../db/destinations.ts';
import { readLanes } from '../../db/lanes.ts';
import { getReplay } from '../../db/replays.ts';
import type { RunRecord } from '../../db/runs.ts';
import { openStreamRun } from '../../db/streams.ts';
import { replayWorkflowId, streamWorkflowId } from '../../temporal/orchestrator.ts';
import type { ApiDeps } from '../deps.ts';
import { endIfDue, wake } from '../engine.ts';
import { isProblem, problem, type Problem } from '../problem.ts';
import { nothingHere, route, type Answer, type Route } from '../route.ts';
import { IdPath } from '../schemas/fields.ts';
import { Lane, laneExample, showLane } from '../schemas/lane.ts';
import { settle } from '../settle.ts';
import { over } from './replay-control.ts';

/** Whose lanes they are. */
type Of = 'replay' | 'destination';

const LaneList = z.object({ data: z.array(Lane) });
const GiveUp = z.strictObject({
  positions: z
    .exactOptional(z.array(z.int().positive()).min(1).max(1_000))
    .meta({ description: 'Of the events that are meant. Absent: all that have failed.', example: [90_112] }),
});
const GivenUp = z.object({
  givenUp: z.int().nullable().meta({
    description:
      'Deliveries that are dead letters now, 10,000 at most in one call. null: a worker has still to finish what is in flight.',
  }),
  data: z.array(Lane),
});

/** What holds the checkpoints of a replay or a stream, and how they are moved on. */
export function laneRoutes(deps: ApiDeps): Route[] {
  return [
    list(deps, 'replay'),
    giveUp(deps, 'replay'),
    list(deps, 'destination'),
    giveUp(deps, 'destination'),
  ];
}

const texts = {
  replay: { tag: 'Replays', path: '/api/replays/{id}', name: 'Replay', whose: 'a replay' },
  destination: { tag: 'Destinations', path: '/api/destinations/{id}', name: 'Stream', whose: 'a stream' },
} as const;

function list(deps: ApiDeps, of: Of): Route {
  const { tag, path, name, whose } = texts[of];
  return route(
    {
      operationId: `list${name}Lanes`,
      method: 'get',
      path: `${path}/lanes`,
      tag,
      summary: `List the lanes of ${whose}`,
      description:
        'Where each checkpoint stands and what it waits for: who holds the lane, what has failed and when it is tried again, which event comes next.',
      params: IdPath,
      answers: {
        200: { description: 'The lanes.', schema: LaneList, example: { data: [laneExample] } },
      },
      problems: ['not_found'],
    },
    async ({ params, path: asked }) => {
      const run = await runOf(deps, of, params.id);
      if (run === 'none') return nothingHere(asked);
      return { status: 200, body: { data: run === null ? [] : await lanesOf(deps, run) } };
    },
  );
}

function giveUp(deps: ApiDeps, of: Of): Route {
  const { tag, path, name, whose } = texts[of];
  return route(
    {
      operationId: `giveUpIn${name}`,
      role: 'operator',
      method: 'post',
      path: `${path}/give-up`,
      tag,
      summary: `Give up on what waits in ${whose}`,
      description:
        'Deliveries that have failed and wait for their next try become dead letters now, with their last failure, instead of after four hours; what stood behind them goes on. Workers first finish what is in flight, so a delivery that succeeds meanwhile is delivered, and one that has never been tried is. A dead letter can be retried at any time. An event that is held because its destination is down does not wait: it is not given up.',
      params: IdPath,
      body: GiveUp,
      bodyOptional: true,
      bodyExample: { positions: [90_112] },
      answers: {
        200: {
          description: 'It is done.',
          schema: GivenUp,
          example: { givenUp: 1, data: [{ ...laneExample, waiting: { events: 0, failed: 0, oldest: [] } }] },
        },
        202: {
          description: 'It is wanted, and a worker has not let go of a lane yet.',
          schema: GivenUp,
          example: { givenUp: null, data: [laneExample] },
        },
      },
      problems:
        of === 'replay'
          ? ['not_found', 'replay_ended', 'replay_planned']
          : ['not_found', 'destination_disabled'],
    },
    async ({ params, body, path: asked }) => {
      const run = await runOf(deps, of, params.id);
      if (run === 'none') return nothingHere(asked);
      const refusal = run === null ? disabled : await ask(deps, run, body.positions ?? null);
      return isProblem(refusal) ? refusal : await answer(deps, run!);
    },
  );
}

const disabled = problem(
  'destination_disabled',
  'The destination gets no new events, so nothing of its stream waits. Enable it first: PATCH {"enabled": true}.',
);

async function ask(deps: ApiDeps, run: RunRecord, positions: number[] | null): Promise<Problem | null> {
  const asked = await deps.db.transaction((tx) => askGiveUp(tx, run.id, positions));
  if (asked === 'asked') return null;
  if (asked === 'planned')
    return problem('replay_planned', 'The replay has not begun, so nothing of it waits for another try.');
  return run.kind === 'stream' ? disabled : over((await getReplay(deps.db, run.id)) ?? run);
}

async function answer(deps: ApiDeps, run: RunRecord): Promise<Answer> {
  const workflow =
    run.kind === 'stream' ? streamWorkflowId(run.destinationId) : replayWorkflowId(run.destinationId, run.id);
  wake(deps, workflow); // its holder looks at the row by itself; a lane that rests has to be told
  const { state: givenUp } = await settle(
    async () => {
      await endIfDue(deps, run.id);
      return await gaveUp(deps.db, run.id);
    },
    (deliveries) => deliveries !== null,
    deps.stopping,
  );
  if (givenUp !== null) wake(deps, workflow);
  const data = await lanesOf(deps, run);
  return { status: givenUp === null ? 202 : 200, body: { givenUp, data } };
}

async function lanesOf({ db }: ApiDeps, run: Pick<RunRecord, 'id'>): Promise<z.input<typeof Lane>[]> {
  return (await readLanes(db, run.id)).map(showLane);
}

/** The run that is meant; null: the destination has no stream. */
async function runOf({ db }: ApiDeps, of: Of, id: string): Promise<RunRecord | null | 'none'> {
  if (of === 'replay') return (await getReplay(db, id)) ?? 'none';
  return (await getDestination(db, id)) === null ? 'none' : await openStreamRun(db, id);
}
