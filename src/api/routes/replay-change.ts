import { z } from 'zod';
import { rangeIsEmpty, withEnds, type NewEnds, type RangeFault } from '../../core/replay-range.ts';
import {
  RangeEnd,
  ReplayLabels,
  ReplayName,
  ReplayNote,
  type ReplayRequest,
} from '../../core/replay-request.ts';
import { countReplay } from '../../db/replay-count.ts';
import { ChangedSchedule } from '../../core/schedule-request.ts';
import { setReplayNames } from '../../db/replay-names.ts';
import { getReplay, setReplayPace, setReplayRange } from '../../db/replays.ts';
import { lockRun } from '../../db/run-end.ts';
import type { RunRecord } from '../../db/runs.ts';
import type { Queryable } from '../../db/sql.ts';
import { changing } from '../changing.ts';
import type { ApiDeps } from '../deps.ts';
import { endIfDue } from '../engine.ts';
import { isProblem, type Problem } from '../problem.ts';
import { invalidBody, nothingHere, route, type Route } from '../route.ts';
import { IdPath } from '../schemas/fields.ts';
import { Replay, replayExample, showReplay } from '../schemas/replay.ts';
import { changeSchedule } from '../schedule-change.ts';
import { settle } from '../settle.ts';
import { startReplay } from '../starting.ts';
import { over, wakeReplay } from './replay-control.ts';
import { emptyRange, tag } from './replays.ts';

const ChangedReplay = z
  .strictObject({
    pace: z.exactOptional(
      z.strictObject({
        eventsPerSecond: z
          .exactOptional(z.number().positive().max(1_000_000).nullable())
          .meta({ description: 'Most events per second. null: no limit.', example: 200 }),
        maxConcurrent: z.exactOptional(z.int().positive().max(1_000).nullable()).meta({
          description: 'Most requests under way at once, no fewer than the replay has lanes. null: no limit.',
        }),
      }),
    ),
    range: z.exactOptional(
      z
        .strictObject({
          from: z.exactOptional(RangeEnd.nullable()).meta({
            description: 'The new begin, measured as the replay’s range is. null: the start of the archive.',
          }),
          to: z.exactOptional(RangeEnd.nullable()).meta({
            description:
              'The new end, measured as the replay’s range is: a position with by "position", else a time. null: up to where the destination’s stream has come.',
          }),
        })
        .refine(
          (ends) => Object.keys(ends).length > 0,
          'Name the end that is to change: `from`, `to`, or both.',
        ),
    ),
    schedule: z.exactOptional(
      ChangedSchedule.nullable().meta({
        description:
          'An absent member stays as it is. null instead of it all: none, so it begins and sends at once.',
      }),
    ),
    label: z.exactOptional(ReplayName.nullable()),
    labels: z.exactOptional(ReplayLabels),
    note: z.exactOptional(ReplayNote.nullable()),
  })
  .refine((change) => Object.keys(change).length > 0, {
    message: 'Name what is to change: `pace`, `range`, `schedule`, `label`, `labels` or `note`.',
  });
type Change = z.output<typeof ChangedReplay>;

const countMs = 1_000;

const text = `Pace and range apply without a restart; an absent member stays as it is.

- A new \`pace\` applies within about a second.
- A new \`range.from\` or \`range.to\` makes the replay longer, or shorter; behind another \`from\` its range is read again from there, and what has been delivered is only counted. It is cut where the destination’s stream owns, as at the creation, and \`counts.selected\` follows. By positions, it never ends below what has been settled already: \`range.toPosition\` and \`range.to\` say where it ends. By times, and before another \`from\`, what was delivered outside the new range stays delivered, and is no longer counted here. Nothing is sent twice.
- A new \`schedule\` holds within about a second, while the replay is planned, waits or sends. One that has begun cannot begin later any more; its windows can change, and null for the schedule lets it send at all hours. A new pace does not open a window, and holds beside the window's own: the lower one counts.
- \`label\`, \`labels\` and \`note\` may be changed at any time, also after the end; null takes the name or the note away, \`labels\` replaces them all.`;

/** Changing a replay: its pace and range while it is not over, its names at any time. */
export function replayChangeRoutes(deps: ApiDeps): Route[] {
  return [change(deps)];
}

function change(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'changeReplay',
      role: 'operator',
      method: 'patch',
      path: '/api/replays/{id}',
      tag,
      summary: 'Change a replay',
      description: text,
      params: IdPath,
      body: ChangedReplay,
      bodyExample: { pace: { eventsPerSecond: 200 }, range: { to: '2026-10-14T12:00:00Z' } },
      answers: {
        200: { description: 'The replay.', schema: Replay, example: replayExample },
        202: {
          description: 'The range is changed as soon as its workers have finished what is in flight.',
          schema: Replay,
          example: replayExample,
        },
      },
      problems: ['not_found', 'replay_ended'],
    },
    async ({ params: { id }, body, path }) => {
      const made = await changing(deps.db, (tx) => apply(tx, id, body));
      if (isProblem(made)) return made.problem === 'not_found' ? nothingHere(path) : made;
      if (body.pace !== undefined || body.range !== undefined || body.schedule !== undefined)
        wakeReplay(deps, made);
      if (body.schedule !== undefined) void startReplay(deps, made); // one that waited for its turn has no workflow yet
      const settled = body.range === undefined || (await rangeChanged(deps, made));
      const replay = await getReplay(deps.db, id);
      return { status: settled ? 200 : 202, body: showReplay(replay ?? made, deps.orchestrator) };
    },
  );
}

async function apply(
  tx: Queryable,
  id: string,
  { pace, range, schedule, ...names }: Change,
): Promise<RunRecord | Problem> {
  if (range !== undefined || schedule !== undefined) await lockRun(tx, id); // before the pace locks the run alone
  const replay = await getReplay(tx, id);
  if (replay === null) return nothingHere(id);
  await setReplayNames(tx, id, names);
  const changed = pace === undefined ? null : await setReplayPace(tx, id, pace);
  if (changed?.kind === 'too_few_connections') return tooFew(changed.lanes);
  if (changed?.kind === 'ended') return over(changed.replay);
  const timed = schedule === undefined ? replay : await changeSchedule(tx, id, schedule);
  if (isProblem(timed) || range === undefined) return timed;
  const asked = replay.request as unknown as ReplayRequest;
  const next = withEnds(asked.range, range, Date.now());
  if (typeof next === 'string') return otherMeasure(next, asked.range.by, range);
  if (rangeIsEmpty(next)) return emptyRange(range.to === undefined ? 'from' : 'to');
  if (replay.mode === 'failed') return ofLetters;
  const moved = await setReplayRange(tx, id, next);
  return moved.kind === 'ended' ? over(moved.replay) : timed;
}

/** Waits until the range is changed and what it selects is counted, for a while. @returns whether it is changed */
async function rangeChanged(deps: ApiDeps, replay: RunRecord): Promise<boolean> {
  const { id } = replay;
  const { settled } = await settle(
    () => endIfDue(deps, id),
    (run) => run === null || !run.changing,
    deps.stopping,
  );
  wakeReplay(deps, replay); // its lanes may go on
  const until = performance.now() + countMs;
  await countReplay(deps.db, id, () => performance.now() < until);
  return settled;
}

function otherMeasure(fault: RangeFault, by: string, ends: NewEnds): Problem {
  const wanted =
    fault === 'position_wanted'
      ? 'give a position, a whole number from 1'
      : 'give a time, such as "2026-10-14T12:00:00Z" or "2h"';
  const detail = `The range of this replay is measured by "${by}": ${wanted}. How it is measured stays as it is.`;
  const wrong = fault === 'position_wanted' ? 'string' : 'number';
  const faulty = (['from', 'to'] as const).filter((end) => typeof ends[end] === wrong);
  return invalidBody(faulty.map((end) => ({ pointer: `/range/${end}`, detail })));
}

const ofLetters = invalidBody([
  {
    pointer: '/range',
    detail: 'A retry sends the dead letters that it took up when it was made; its range stays as it is.',
  },
]);

function tooFew(lanes: number): Problem {
  const detail = `The replay has ${lanes} lanes, and each needs a request of its own: give at least ${lanes}, or cancel it and start one with fewer lanes. What was delivered is not sent again.`;
  return invalidBody([{ pointer: '/pace/maxConcurrent', detail }]);
}
