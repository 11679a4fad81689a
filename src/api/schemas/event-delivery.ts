import { z } from 'zod';
import { completionReasons, type CompletionReason } from '../../core/completion.ts';
import {
  standings,
  untouchedReasons,
  type Standing,
  type UntouchedReason,
} from '../../core/delivery-standing.ts';
import { Id, Time } from './fields.ts';

const listed = (texts: Readonly<Record<string, string>>) =>
  Object.entries(texts)
    .map(([name, text]) => `- \`${name}\`: ${text}`)
    .join('\n');

const standingTexts: Readonly<Record<Standing, string>> = {
  waiting: 'It failed, or stands behind an event of its user that did; it is tried again by itself.',
  dead: 'Given up on: see its dead letter.',
  delivered: 'The action has it.',
  suppressed: 'Its user must not be sent.',
  tooOld: 'The destination takes no events of its time: nothing is about to send it, and a replay does not.',
  filtered: 'Not meant for the destination.',
  remaining: 'Not decided yet: the stream, or a replay, will come to it.',
  missing: 'The action lacks it, and nothing is about to send it. A replay can.',
};

const reasons = Object.keys(untouchedReasons) as [UntouchedReason, ...UntouchedReason[]];
const changes = Object.keys(completionReasons) as [CompletionReason, ...CompletionReason[]];

const Failed = z
  .object({
    errorClass: z.string().meta({ description: 'Groups failures of one kind.' }),
    message: z.string(),
    status: z.exactOptional(z.int()).meta({ description: 'Of the answer, in HTTP.' }),
    at: z.exactOptional(Time).meta({ description: 'When the last attempt began.' }),
  })
  .meta({ description: 'The last failure; the dead letter has all of it.' });

const DeliveryId = Id.meta({
  description:
    'What goes out as `webhook-id` (of a batch, an id made of all of its deliveries stands there) and to Segment’s API as messageId where new ids were asked for. The same over attempts, the stream and replays, except replays with `newIds`.',
});

const DeliveryInRun = z.object({
  kind: z.enum(['stream', 'replay']),
  replayId: Id.nullable().meta({ description: 'null: the destination’s stream.' }),
  replay: z.string().nullable().meta({ description: 'Address of the replay.', example: '/api/replays/…' }),
  actionVersion: z.int().nullable(),
  status: z.enum(['waiting', 'dead', 'delivered', 'alreadyDelivered']).meta({
    description:
      '`delivered` also where the destination’s answers cannot confirm it; `alreadyDelivered`: the action had it before, and the replay did not send it.',
  }),
  deliveryId: DeliveryId,
  from: Time.nullable().meta({
    description:
      'It was settled at this time or later, and at `to` or before. Times of single successes are not kept, only those of the 8,192 positions around them: the window in which the run settled these. Of a dead letter both are when it died; null while it waits.',
  }),
  to: Time.nullable(),
  attempts: z.int().nullable().meta({ description: 'Failed ones; null where they are not kept.' }),
  firstFailedAt: Time.nullable(),
  nextRetryAt: Time.nullable().meta({
    description: 'null: it does not wait, or stands behind an earlier event of its user.',
  }),
  failure: Failed.nullable(),
  deadLetterId: Id.nullable(),
  retriedBy: Id.nullable().meta({ description: 'The replay that took the dead letter up again.' }),
  toFormerAccount: z.boolean().meta({
    description: 'true: it went to an account that the destination has no more, and counts no more.',
  }),
});

export const EventDelivery = z
  .object({
    destinationId: Id,
    destinationName: z.string(),
    destinationType: z.string(),
    actionId: Id,
    actionName: z.string(),
    gone: z.boolean().meta({ description: 'true: the destination, or the action, was deleted.' }),
    status: z
      .enum(standings)
      .meta({ description: `How the action stands with the event now.\n\n${listed(standingTexts)}` }),
    reason: z
      .enum(reasons)
      .nullable()
      .meta({
        description: `Why, where no run has left anything; by what holds now.\n\n${listed(untouchedReasons)}`,
      }),
    deliveryId: DeliveryId,
    runs: z
      .array(DeliveryInRun)
      .meta({ description: 'Every run that had it in its hands, in the order of their beginnings.' }),
    runsOmitted: z.int().meta({
      description: 'So many runs in the middle are left out: no more than the first and last ten are told.',
    }),
  })
  .meta({ id: 'EventDelivery', description: 'One event through one action.' });

export const EventCompletion = z
  .object({
    field: z.string().meta({ description: 'A member of the event.' }),
    change: z.enum(['added', 'replaced', 'removed']),
    reason: z.enum(changes).meta({ description: listed(completionReasons) }),
    sent: z.string().nullable().meta({ description: 'What the sender gave, as its JSON.' }),
    value: z.string().nullable().meta({ description: 'What stands there now, as JSON.' }),
    members: z
      .array(z.string())
      .meta({ description: 'Of `context` and `integrations`: the members that the batch gave.' }),
  })
  .meta({ id: 'EventCompletion', description: 'What the completed event has otherwise than it was sent.' });

export const eventDeliveryExample: z.input<typeof EventDelivery> = {
  destinationId: '0f4b1d0e-52ab-4a0e-8e57-2f6c0a9d1e33',
  destinationName: 'CRM',
  destinationType: 'webhook',
  actionId: 'b1f0d7c2-9a34-4e6b-8c15-7d2e4f6a8b90',
  actionName: 'Send',
  gone: false,
  status: 'delivered',
  reason: null,
  deliveryId: '6f1f2c0e-8d4b-5a0f-9c57-3f0b6b1d2e84',
  runs: [
    {
      kind: 'replay',
      replayId: '2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914',
      replay: '/api/replays/2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914',
      actionVersion: 1,
      status: 'delivered',
      deliveryId: '6f1f2c0e-8d4b-5a0f-9c57-3f0b6b1d2e84',
      from: '2026-11-22T09:31:00.000Z',
      to: '2026-11-22T09:31:04.210Z',
      attempts: null,
      firstFailedAt: null,
      nextRetryAt: null,
      failure: null,
      deadLetterId: null,
      retriedBy: null,
      toFormerAccount: false,
    },
  ],
  runsOmitted: 0,
};

export const eventCompletionExample: z.input<typeof EventCompletion> = {
  field: 'timestamp',
  change: 'replaced',
  reason: 'clock_skew',
  sent: '"2026-11-22T09:29:57.991Z"',
  value: '"2026-11-22T09:29:58.120Z"',
  members: [],
};
