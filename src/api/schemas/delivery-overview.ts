import { z } from 'zod';
import { buckets } from '../../core/counts.ts';
import { intervals } from '../../db/lane-history.ts';
import { Changed, FailureClass, Series, failureClassExample } from './counted.ts';
import { Id, Moment, Time } from './fields.ts';
import { Samples } from './replay.ts';

/** Over which time, and how finely. */
export const periodQuery = z.strictObject({
  from: z.exactOptional(Moment).meta({
    description:
      'Inclusive, down to the whole minute; a moment, or a time before now such as `7d`. Absent: 24 hours before `to`.',
  }),
  to: z.exactOptional(Moment).meta({ description: 'Exclusive, up to the whole minute. Absent: now.' }),
  interval: z.enum(intervals).default('hour').meta({
    description:
      'Of `series`, in UTC. What is older than a week is known by the hour, so its minutes are in one.',
  }),
});

const Steps = z
  .array(
    z.object({
      step: z.enum(['leftOut', 'decided', ...buckets]),
      count: z.int(),
    }),
  )
  .meta({
    description:
      'In events, in the order of the pipeline: what never came to it (`leftOut`), all that were decided in the period, then where they ended. Those that `waiting` gives are waiting now, whatever the period; the others add up to `decided`.',
  });

const LeftOut = z
  .object({
    reasons: z
      .record(z.string(), z.int())
      .meta({ description: '`sources`: the destination does not take events of their source.' }),
    exact: z.boolean().meta({
      description:
        'false: an estimate, where more of the archive would have to be looked through, or events read.',
    }),
  })
  .meta({
    description:
      'What was passed over without being decided. Of the stream: what came in over the period. Of replays that fall into the period: what lies in the part of their range that they have passed.',
  });

const Part = z.object({
  steps: Steps,
  leftOut: LeftOut,
  byAction: z
    .record(z.string(), Changed)
    .meta({ description: 'What changed in the period, in deliveries, by id of the action and bucket.' }),
  reasons: z
    .record(z.string(), z.int())
    .meta({ description: 'Why events were not sent in the period, by reason.' }),
  samples: Samples.meta({
    description:
      'The first few events of each reason of the runs that fall into the period. `GET /api/events/{position}` shows one.',
  }),
  failures: z.array(FailureClass).meta({
    description:
      'What was given up on in the period, by kind, the most frequent first: `GET /api/dead-letters` has all of them.',
  }),
  series: Series,
});

export const DeliveryOverview = z
  .object({
    destinationId: Id,
    from: Time,
    to: Time,
    interval: z.enum(intervals),
    stream: Part.meta({ description: 'Its own stream, over all its stretches.' }),
    replays: Part.meta({ description: 'All its replays together.' }),
  })
  .meta({ id: 'DeliveryOverview' });
export type ShownOverview = z.input<typeof DeliveryOverview>;

const empty: ShownOverview['replays'] = {
  steps: [
    { step: 'leftOut', count: 0 },
    { step: 'decided', count: 0 },
    ...buckets.map((step) => ({ step, count: 0 })),
  ],
  leftOut: { reasons: {}, exact: true },
  byAction: {},
  reasons: {},
  samples: {},
  failures: [],
  series: [],
};

export const overviewExample: ShownOverview = {
  destinationId: '0f4b1d0e-52ab-4a0e-8e57-2f6c0a9d1e33',
  from: '2026-11-21T10:00:00.000Z',
  to: '2026-11-22T10:00:00.000Z',
  interval: 'hour',
  stream: {
    steps: [
      { step: 'leftOut', count: 380 },
      { step: 'decided', count: 1_420 },
      { step: 'filtered', count: 0 },
      { step: 'tooOld', count: 0 },
      { step: 'superseded', count: 0 },
      { step: 'invalid', count: 0 },
      { step: 'suppressed', count: 8 },
      { step: 'alreadyDelivered', count: 0 },
      { step: 'waiting', count: 0 },
      { step: 'dead', count: 12 },
      { step: 'unconfirmable', count: 0 },
      { step: 'delivered', count: 1_400 },
    ],
    leftOut: { reasons: { sources: 380 }, exact: true },
    byAction: { 'b1f0d7c2-9a34-4e6b-8c15-7d2e4f6a8b90': { delivered: 1_400, dead: 12, suppressed: 8 } },
    reasons: {},
    samples: { delivered: [{ position: 97_400, message: '200 OK in 12 ms' }] },
    failures: [failureClassExample],
    series: [{ at: '2026-11-22T09:00:00.000Z', counts: { delivered: 1_400, dead: 12, suppressed: 8 } }],
  },
  replays: empty,
};
