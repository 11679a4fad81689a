import { z } from 'zod';
import { intervals } from '../../db/lane-history.ts';
import { FailureClass, Series, failureClassExample } from './counted.ts';
import { ActorShown, Id, Time } from './fields.ts';
import { Replay, replayExample } from './replay.ts';

const ChangeOfReplay = z.object({
  at: Time,
  by: ActorShown,
  action: z.string().meta({ description: 'What was done, as the audit log calls it.' }),
  asked: z.exactOptional(z.unknown()).meta({
    description: 'What was asked for, as the audit log keeps it: what is personal is masked.',
  }),
});

export const ReplayReport = z
  .object({
    reportedAt: Time,
    final: z
      .boolean()
      .meta({ description: 'false: the replay has not ended, and this is how it stands now.' }),
    replay: Replay,
    destination: z
      .object({
        id: Id,
        type: z.string(),
        name: z.string(),
        deletedAt: Time.nullable().meta({ description: 'null: it is there.' }),
      })
      .meta({ description: 'Where the events went; it keeps its name here after it was deleted.' }),
    createdBy: ActorShown.nullable().meta({ description: 'null: the audit log does not have it.' }),
    changes: z.array(ChangeOfReplay).meta({ description: 'Who did what to it since, oldest first.' }),
    actions: z
      .array(z.object({ actionId: Id, name: z.string().nullable(), version: z.int() }))
      .meta({ description: 'In the versions that it was pinned to.' }),
    durationSeconds: z.number().nullable().meta({ description: 'From its start to its end, or to now.' }),
    averageRate: z.number().nullable().meta({ description: 'Events decided per second over that time.' }),
    failures: z
      .array(FailureClass)
      .meta({ description: 'What it gave up on, by kind, the most frequent first.' }),
    interval: z.enum(intervals).meta({ description: 'Of `timeline`.' }),
    timeline: Series,
    links: z.object({ replay: z.string(), deadLetters: z.string(), retryFailed: z.string() }),
  })
  .meta({ id: 'ReplayReport' });
export type ShownReport = z.input<typeof ReplayReport>;

const { id, destinationId } = replayExample;
export const reportExample: ShownReport = {
  reportedAt: '2026-11-22T09:01:05.000Z',
  final: false,
  replay: replayExample,
  destination: { id: destinationId, type: 'webhook', name: 'Warehouse', deletedAt: null },
  createdBy: { tokenId: '9b1d3f64-7f0c-4d5e-8a72-6c0e5b9f2d18', name: 'Ann' },
  changes: [],
  actions: [{ actionId: 'b1f0d7c2-9a34-4e6b-8c15-7d2e4f6a8b90', name: 'All events', version: 1 }],
  durationSeconds: 64.7,
  averageRate: 18.1,
  failures: [failureClassExample],
  interval: 'minute',
  timeline: [{ at: '2026-11-22T09:00:00.000Z', counts: { delivered: 1_166, waiting: 4, suppressed: 3 } }],
  links: {
    replay: `/api/replays/${id}`,
    deadLetters: `/api/dead-letters?replayId=${id}`,
    retryFailed: `/api/replays/${id}/retry-failed`,
  },
};
