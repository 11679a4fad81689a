import { archiveHead } from '../db/archive/read.ts';
import { regionOf } from '../db/destinations.ts';
import type { CreateReplay } from '../db/replays.ts';
import type { RunRecord } from '../db/runs.ts';
import type { Queryable } from '../db/sql.ts';
import type { Created } from './creating.ts';
import type { ApiDeps } from './deps.ts';
import { tell } from './engine.ts';
import { problem, type Problem } from './problem.ts';
import { unwantedRetry } from './replay-actions.ts';
import { invalidBody } from './route.ts';
import { regionWarnings } from './schemas/region.ts';
import { showReplay } from './schemas/replay.ts';
import { selectionWarnings } from './schemas/warning.ts';

/** The answer to a request that made a replay, which starts once its row is committed; or why there is none. */
export async function answerOfCreation(
  deps: ApiDeps,
  tx: Queryable,
  made: CreateReplay,
): Promise<Created | Problem> {
  if (made.kind !== 'created') return refusalOf(made);
  const { replay } = made;
  const unwanted = replay.mode === 'failed' ? await unwantedRetry(tx, replay) : null;
  if (unwanted !== null) return unwanted;
  const warnings = [
    ...regionWarnings(deps.region, await regionOf(tx, replay.destinationId)),
    ...selectionWarnings(replay, replay.selected > 0 ? 0 : await archiveHead(tx)),
  ];
  return {
    answer: {
      status: 201,
      body: { ...showReplay(replay, deps.orchestrator), warnings },
      headers: { location: `/api/replays/${replay.id}` },
    },
    afterCommit: () => startReplay(deps, replay),
  };
}

function refusalOf(refused: Exclude<CreateReplay, { kind: 'created' }>): Problem {
  switch (refused.kind) {
    case 'replay_running':
      return problem(
        'replay_running',
        `Replay ${refused.replayId} of this destination is not over. Wait for its end, or cancel it.`,
        { members: { replayId: refused.replayId } },
      );
    case 'destination_gone':
      return problem(
        'destination_disabled',
        `The destination was disabled (${refused.reason}). Mend it and enable it: PATCH {"enabled": true}.`,
      );
    case 'no_destination':
      return invalidBody([{ pointer: '/destinationId', detail: 'There is no destination of this id.' }]);
    case 'nothing_to_retry':
      return nothingToRetry(refused.takenBy);
  }
}

function nothingToRetry(takenBy: string | null): Problem {
  const taker =
    takenBy === null
      ? ''
      : ` Replay ${takenBy} was the last one to take them up: what failed there again is its own.`;
  return problem(
    'nothing_to_retry',
    `No dead letter that is meant can be retried: each was delivered since, waits for its next try or is in the hands of a replay, or there is none.${taker} GET /api/dead-letters?open=true lists those that can.`,
    takenBy === null ? {} : { members: { replayId: takenBy } },
  );
}

/** Starts a replay's workflow. One that waits for another replay is started by the engine when its turn has come. */
export async function startReplay(deps: ApiDeps, replay: RunRecord): Promise<void> {
  const { id: replayId, destinationId } = replay;
  const startsLater = replay.desired === 'planned';
  if (startsLater && replay.schedule?.startAt === undefined) return;
  const takesUp = replay.mode === 'failed';
  const input = {
    destinationId,
    replayId,
    lanes: replay.lanes.length,
    takesUp,
    ...(startsLater && ({ startsLater } as const)),
  };
  await tell(deps, 'start replay', () => deps.orchestrator.startReplay(input, replay.label));
}
