import { z } from 'zod';
import { eventTypes } from '../../core/event.ts';
import type { DeadLetterClass, DeadLetterRecord } from '../../db/dead-letters.ts';
import { Id, Time } from './fields.ts';

/** A kind of failure, as it is asked for. */
export const ErrorClass = z
  .string()
  .regex(/^[\w.-]{1,100}$/)
  .meta({ description: 'Only failures of this kind.', example: 'http_400' });

const headers = z.record(z.string(), z.string());
const SentRequest = z
  .object({
    method: z.string(),
    url: z.string().meta({ description: 'Without query, fragment and credentials.' }),
    headers: headers.meta({ description: 'By lower-case name; secret values stand as `[secret]`.' }),
    body: z.string().meta({ description: 'Its first 4,096 bytes.' }),
    bodyBytes: z.int().meta({ description: 'Of the whole body.' }),
    deliveries: z.int().meta({ description: 'How many deliveries it carried.' }),
  })
  .meta({ description: 'What was sent.' });
const ReceivedAnswer = z
  .object({
    headers: headers.meta({ description: 'Those that tell something, by lower-case name.' }),
    body: z.string().meta({ description: 'Its first 4,096 bytes.' }),
  })
  .meta({ description: 'What came back; absent when nothing did.' });

export const DeadLetter = z
  .object({
    id: Id,
    destinationId: Id,
    replayId: Id.nullable().meta({ description: 'null: it died in the destination’s stream.' }),
    actionId: Id,
    actionVersion: z.int(),
    position: z.int(),
    event: z
      .object({
        type: z.enum(eventTypes),
        name: z.string().nullable(),
        messageId: z.string(),
        userId: z.string().nullable(),
        anonymousId: z.string().nullable(),
        sourceId: Id,
      })
      .nullable()
      .meta({ description: 'null: the archive no longer has the event.' }),
    errorClass: z.string().meta({ description: 'Groups failures of one kind.' }),
    failure: z
      .object({
        message: z.string(),
        status: z.exactOptional(z.int()).meta({ description: 'Of the answer, in HTTP.' }),
        at: z.exactOptional(Time).meta({ description: 'When the last attempt began.' }),
        tookMs: z.exactOptional(z.int()).meta({ description: 'How long it took, in milliseconds.' }),
        request: z.exactOptional(SentRequest),
        response: z.exactOptional(ReceivedAnswer),
      })
      .meta({ description: 'The last failure.' }),
    attempts: z.int(),
    firstFailedAt: Time,
    diedAt: Time,
    retriedBy: Id.nullable().meta({ description: 'The replay that took it up again.' }),
    open: z.boolean().meta({
      description:
        'true: it can be retried. false: it was delivered since, waits for its next try, is in the hands of a replay, died again later (that one is open), or its event or action is gone.',
    }),
  })
  .meta({ id: 'DeadLetter', description: 'A delivery given up on.' });

export const DeadLetterClasses = z.object({
  data: z.array(
    z
      .object({
        destinationId: Id,
        errorClass: z.string(),
        count: z.int(),
        firstDiedAt: Time,
        lastDiedAt: Time,
        sample: DeadLetter.meta({ description: 'The newest of them.' }),
      })
      .meta({ id: 'DeadLetterClass', description: 'Dead letters of one kind at one destination.' }),
  ),
});

/** A dead letter as it is answered. */
export function showDeadLetter(letter: DeadLetterRecord): z.input<typeof DeadLetter> {
  const { errorClass: _, tellsOf: __, ...failure } = letter.failure;
  return {
    id: letter.id,
    destinationId: letter.destinationId,
    replayId: letter.runKind === 'replay' ? letter.runId : null,
    actionId: letter.actionId,
    actionVersion: letter.actionVersion,
    position: letter.position,
    event: letter.event,
    errorClass: letter.errorClass,
    failure,
    attempts: letter.attempts,
    firstFailedAt: letter.firstFailedAt.toISOString(),
    diedAt: letter.diedAt.toISOString(),
    retriedBy: letter.retriedBy,
    open: letter.open,
  };
}

/** Dead letters of one kind as they are answered. */
export function showDeadLetterClass(
  group: DeadLetterClass,
): z.input<typeof DeadLetterClasses>['data'][number] {
  const { destinationId, errorClass, count } = group;
  return {
    destinationId,
    errorClass,
    count,
    firstDiedAt: group.firstDiedAt.toISOString(),
    lastDiedAt: group.lastDiedAt.toISOString(),
    sample: showDeadLetter(group.sample),
  };
}

export const deadLetterExample: z.input<typeof DeadLetter> = {
  id: '9f3c1a52-0c7e-4c1d-8a0e-3b5d7f902c41',
  destinationId: '0f4b1d0e-52ab-4a0e-8e57-2f6c0a9d1e33',
  replayId: null,
  actionId: 'b1f0d7c2-9a34-4e6b-8c15-7d2e4f6a8b90',
  actionVersion: 1,
  position: 97_411,
  event: {
    type: 'track',
    name: 'Order Completed',
    messageId: 'node-next-1763803798120-5f0c',
    userId: 'user-42',
    anonymousId: null,
    sourceId: '6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e',
  },
  errorClass: 'http_400',
  failure: {
    message: 'The destination refused the event (400).',
    status: 400,
    at: '2026-11-22T09:30:00.960Z',
    tookMs: 38,
    request: {
      method: 'POST',
      url: 'https://example.com/events',
      headers: {
        'x-api-key': '[secret]',
        'content-type': 'application/json',
        'webhook-id': '6f1f2c0e-8d4b-5a0f-9c57-3f0b6b1d2e84',
        'webhook-signature': '[secret]',
      },
      body: '{"type":"track","event":"Order Completed","userId":"user-42"}',
      bodyBytes: 61,
      deliveries: 1,
    },
    response: { headers: { 'content-type': 'application/json' }, body: '{"error":"total is missing"}' },
  },
  attempts: 1,
  firstFailedAt: '2026-11-22T09:30:01.000Z',
  diedAt: '2026-11-22T09:30:01.000Z',
  retriedBy: null,
  open: true,
};
