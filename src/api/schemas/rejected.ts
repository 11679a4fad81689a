import { z } from 'zod';
import { retryObstacleOf, retryObstacles, type RetryObstacle } from '../../core/kept-arrival.ts';
import type { RejectedRecord } from '../../db/event-lookup.ts';
import type { RetryEnd } from '../retry-rejected.ts';
import { Id, Moment, Time } from './fields.ts';

/** Which rejected events are meant. */
export const rejectedFilter = {
  source: z.exactOptional(Id).meta({ description: 'Id of a source.' }),
  code: z
    .exactOptional(z.string().regex(/^\w{1,60}$/))
    .meta({ description: 'Only those of this reason.', example: 'event_too_large' }),
  from: z.exactOptional(Moment).meta({
    description: 'Only those that came then or later: a moment, or a time before now such as `30d`.',
    example: '2026-11-22T00:00:00Z',
  }),
  to: z
    .exactOptional(Moment)
    .meta({ description: 'Only those that came before.', example: '2026-11-23T00:00:00Z' }),
};

const obstacles = Object.keys(retryObstacles) as [RetryObstacle, ...RetryObstacle[]];
const Obstacle = z.enum(obstacles).meta({
  description: Object.entries(retryObstacles)
    .map(([name, text]) => `\`${name}\`: ${text}`)
    .join(' '),
});

export const RejectedEvent = z
  .object({
    id: z.int(),
    receivedAt: Time,
    sourceId: Id,
    code: z.string().meta({ description: 'Why it was not accepted.' }),
    message: z.string(),
    messageId: z.string().nullable(),
    raw: z.string().meta({
      description:
        'What came, in a list at most its first 8,192 bytes; bytes that are not UTF-8 stand as U+FFFD.',
    }),
    size: z.int().meta({ description: 'How many bytes came.' }),
    retryObstacle: Obstacle.nullable().meta({
      description: 'Why `POST /api/rejected/retry` passes it over; null: it can be retried.',
    }),
  })
  .meta({ id: 'RejectedEvent' });

/** A rejected event as it is answered. */
export function showRejected(rejected: RejectedRecord): z.input<typeof RejectedEvent> {
  const { id, sourceId, code, message, messageId, start, size, door } = rejected;
  const raw = new TextDecoder().decode(start);
  const receivedAt = rejected.receivedAt.toISOString();
  const retryObstacle = retryObstacleOf(code, door);
  return { id, receivedAt, sourceId, code, message, messageId, raw, size, retryObstacle };
}

export const rejectedExample: z.input<typeof RejectedEvent> = {
  id: 17,
  receivedAt: '2026-11-22T09:31:12.004Z',
  sourceId: '6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e',
  code: 'no_user',
  message: 'The event has neither a userId nor an anonymousId.',
  messageId: null,
  raw: '{"type":"track","event":"Order Completed"}',
  size: 42,
  retryObstacle: null,
};

export const RejectedRetry = z
  .strictObject({
    ids: z
      .exactOptional(z.array(z.int().positive()).min(1).max(1_000))
      .meta({ description: 'Only these entries of the list, as far as they still stand there.' }),
    ...rejectedFilter,
    cursor: z
      .exactOptional(z.string().min(1).max(2_000))
      .meta({ description: '`nextCursor` of the call before, whose other members have to be the same.' }),
  })
  .refine(
    (retry) => Object.keys(retry).some((name) => name !== 'cursor'),
    'Say which: ids, source, code, from, to; those that meet all of it are retried.',
  );

export const RejectedRetryEnd = z
  .object({
    accepted: z.int().meta({ description: 'Events that are in the archive now. They have left the list.' }),
    duplicates: z.int().meta({
      description: 'Events that had been archived before, letter for letter. They have left the list.',
    }),
    rejected: z.int().meta({
      description:
        'Those that still cannot be accepted. They stay in the list, with the reason that holds now.',
    }),
    impossible: z
      .array(z.object({ obstacle: Obstacle, count: z.int(), message: z.string() }))
      .meta({ description: 'Those that cannot be sent through their door again. They stay as they were.' }),
    nextCursor: z.string().nullable().meta({
      description: 'Send it as `cursor` to go on. null: all that were meant have been tried.',
    }),
  })
  .meta({ id: 'RejectedRetry' });

/** What a retry has done, as it is answered. @param nextCursor the place where it goes on */
export function showRetry(end: RetryEnd, nextCursor: string | null): z.input<typeof RejectedRetryEnd> {
  const { accepted, duplicates, rejected, impossible } = end;
  const passedOver = [...impossible].map(([obstacle, count]) => ({
    obstacle,
    count,
    message: retryObstacles[obstacle],
  }));
  return { accepted, duplicates, rejected, impossible: passedOver, nextCursor };
}

export const rejectedRetryExample: z.input<typeof RejectedRetryEnd> = {
  accepted: 41,
  duplicates: 1,
  rejected: 2,
  impossible: [{ obstacle: 'message_id_reused', count: 1, message: retryObstacles.message_id_reused }],
  nextCursor: null,
};
