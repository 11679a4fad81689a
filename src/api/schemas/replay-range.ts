import { z } from 'zod';
import { RangeEnd, rangeMeasures, type ReplayRange } from '../../core/replay-request.ts';
import type { RunRecord } from '../../db/runs.ts';
import { Time } from './fields.ts';

/** What a replay's answer says of its range: how it is wanted now, and what that reaches. */
export const ShownRange = z.object({
  by: z.enum(rangeMeasures).meta({ description: 'What `from` and `to` are measured by.' }),
  from: RangeEnd.nullable().meta({
    description:
      'As it is wanted now; the request says how it was asked for. null: the start of the archive.',
  }),
  to: RangeEnd.nullable().meta({
    description: 'As it is wanted now. null: up to where the destination’s stream has come.',
  }),
  fromPosition: z.int(),
  toPosition: z.int().meta({ description: 'The last position, inclusive. Below fromPosition: no event.' }),
  unreachable: z.object({ toPosition: z.int(), before: Time }).nullable().meta({
    description:
      'What was asked for and is not kept any more: positions up to `toPosition`, received before `before`. null: nothing.',
  }),
  cutToStream: z.boolean().meta({
    description:
      'Events that the range would take lie above `toPosition` already: they belong to the destination’s own stream, which has yet to send them, or has sent them since.',
  }),
});

/** How a replay's range stands. */
export function showRange(run: RunRecord): z.input<typeof ShownRange> {
  const { by, from = null, to = null } = wantedRange(run);
  return {
    by,
    from,
    to,
    fromPosition: run.fromPosition,
    toPosition: run.toPosition ?? run.fromPosition - 1,
    cutToStream: run.cutToStream,
    unreachable: run.unreachable,
  };
}

/** The range that a replay was first asked for. */
export const firstRange = (run: RunRecord): ReplayRange => run.firstRange ?? wantedRange(run);

const wantedRange = ({ request }: RunRecord) => request['range'] as ReplayRange;
