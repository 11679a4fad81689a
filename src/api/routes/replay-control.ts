import { replayStatus } from '../../core/replay-status.ts';
import { getReplay, setReplayDesired, type ChangeReplay } from '../../db/replays.ts';
import { beginIfDue } from '../../db/scheduled-start.ts';
import type { RunRecord } from '../../db/runs.ts';
import { replayWorkflowId } from '../../temporal/orchestrator.ts';
import type { ApiDeps } from '../deps.ts';
import { endIfDue, wake } from '../engine.ts';
import { problem, type Problem } from '../problem.ts';
import { nothingHere, route, type Answer, type Route } from '../route.ts';
import { IdPath } from '../schemas/fields.ts';
import { Replay, replayExample, showReplay } from '../schemas/replay.ts';
import { settle } from '../settle.ts';
import { startReplay } from '../starting.ts';
import { tag } from './replays.ts';

const verbs = {
  pause: {
    desired: 'paused',
    summary: 'Pause a replay',
    text: 'What is in flight is finished; the checkpoint stays. One that is planned does not begin at its time then (reason `before_start`).',
  },
  resume: {
    desired: 'running',
    summary: 'Resume a replay',
    text: 'It goes on at its checkpoint, when its schedule lets it (`opensAt`). Behind its canary (reason `canary` or `canary_failed`) this approves it; behind a brake (`error_rate`, `repeated_error`, `destination_refuses`, `unauthorized`, `side_effects`) this releases that brake for the rest of the replay. One that was paused before it began is planned again: it begins at its time, or at once if that has passed (behind the replay of its destination that runs by then, if one does).',
  },
  cancel: {
    desired: 'cancelled',
    summary: 'Cancel a replay',
    text: 'What is in flight is finished, nothing more is sent. What was delivered stays known, so a later replay sends only the rest.',
  },
} as const;
type Verb = keyof typeof verbs;

/** Pausing, resuming and cancelling a replay. */
export function replayControlRoutes(deps: ApiDeps): Route[] {
  return [steer(deps, 'pause'), steer(deps, 'resume'), steer(deps, 'cancel')];
}

function steer(deps: ApiDeps, verb: Verb): Route {
  const { desired, summary, text } = verbs[verb];
  return route(
    {
      operationId: `${verb}Replay`,
      role: 'operator',
      method: 'post',
      path: `/api/replays/{id}/${verb}`,
      tag,
      summary,
      description: `${text} Asking again is harmless.`,
      params: IdPath,
      answers: {
        200: { description: 'It is done: the status says so.', schema: Replay, example: replayExample },
        202: {
          description: 'It is wanted, and a worker has not confirmed it yet: the status is on the way.',
          schema: Replay,
          example: { ...replayExample, status: verb === 'cancel' ? 'cancelling' : 'pausing' },
        },
      },
      problems: ['not_found', 'replay_ended', 'replay_planned'],
    },
    async ({ params, path }) => {
      const change = await setReplayDesired(deps.db, params.id, desired);
      return await answerTo(deps, verb, change, path);
    },
  );
}

async function answerTo(
  deps: ApiDeps,
  verb: Verb,
  change: ChangeReplay,
  path: string,
): Promise<Answer | Problem> {
  if (change.kind === 'no_replay') return nothingHere(path);
  const { desired } = verbs[verb];
  if (change.kind === 'ended') {
    const asAsked = replayStatus(change.replay).status === desired;
    return asAsked
      ? { status: 200, body: showReplay(change.replay, deps.orchestrator) }
      : over(change.replay);
  }
  if (change.kind === 'planned') return notPaused;
  const { id } = change.replay;
  if (verb === 'resume' && change.replay.desired === 'planned') return await begunIfDue(deps, id, path);
  wakeReplay(deps, change.replay);
  const read = async () => (verb === 'cancel' ? await endIfDue(deps, id) : await getReplay(deps.db, id));
  const isAsAsked = (run: RunRecord | null) =>
    run === null || run.endedAt !== null || replayStatus(run).status === desired;
  const { state, settled } = await settle(read, isAsAsked, deps.stopping);
  if (state === null) return nothingHere(path);
  return { status: settled ? 200 : 202, body: showReplay(state, deps.orchestrator) };
}

/** One that was paused before it began may have missed its time. */
async function begunIfDue(deps: ApiDeps, id: string, path: string): Promise<Answer | Problem> {
  const replay = await deps.db.transaction((tx) => beginIfDue(tx, id));
  if (replay === null) return nothingHere(path);
  wakeReplay(deps, replay);
  void startReplay(deps, replay); // one that waited for its turn has no workflow yet
  return { status: 200, body: showReplay(replay, deps.orchestrator) };
}

const notPaused = problem(
  'replay_planned',
  'The replay has not begun, and is not paused: it begins by itself at its time (`startsAt`), or when the replay of its destination that runs now has ended. PATCH {"schedule": null} begins it as soon as it may.',
);

/** The refusal to change a replay that has ended. */
export function over(replay: RunRecord): Problem {
  const { status } = replayStatus(replay);
  return problem(
    'replay_ended',
    `The replay is ${status}, so it can no longer be changed. Start a new one.`,
    {
      members: { replayStatus: status },
    },
  );
}

/** Tells a replay's workflow that its row is worth reading again. */
export function wakeReplay(deps: ApiDeps, replay: Pick<RunRecord, 'id' | 'destinationId'>): void {
  wake(deps, replayWorkflowId(replay.destinationId, replay.id));
}
