import { z } from 'zod';
import { buckets } from '../../core/counts.ts';
import { eventTypes } from '../../core/event.ts';
import { Id, Time } from './fields.ts';

const ofEvent = {
  position: z.int(),
  messageId: z.string().nullable().meta({ description: 'null: the archive no longer has the event.' }),
  type: z.enum(eventTypes).nullable(),
  name: z.string().nullable(),
  actionId: Id,
  deliveryId: Id,
};
const count = z.int().min(0);
const ended = buckets.filter((bucket) => bucket !== 'waiting');

/** What has become of the deliveries of one stream, or of one replay, since they were told of last. */
export const DeliveryNews = z
  .object({
    destinationId: Id,
    kind: z.enum(['stream', 'replay']),
    replayId: Id.nullable(),
    from: Time,
    to: Time,
    counts: z.partialRecord(z.enum(ended), count).meta({
      description: 'How many deliveries ended in which way; what did not change is left out.',
    }),
    waitingNow: count,
    delivered: z.array(z.object(ofEvent)),
    setAside: z.array(
      z.object({
        ...ofEvent,
        attempts: z.int(),
        nextRetryAt: Time.nullable(),
        errorClass: z.string().nullable(),
        message: z.string().nullable(),
      }),
    ),
    dead: z.array(
      z.object({
        ...ofEvent,
        deadLetterId: Id,
        attempts: z.int(),
        errorClass: z.string(),
        message: z.string(),
      }),
    ),
    omitted: z
      .object({ delivered: count, setAside: count, dead: count })
      .meta({ description: 'So many more were counted, and are not told one by one.' }),
  })
  .meta({ id: 'DeliveryNews' });

export const deliveryNewsExample: z.input<typeof DeliveryNews> = {
  destinationId: '0f4b1d0e-52ab-4a0e-8e57-2f6c0a9d1e33',
  kind: 'stream',
  replayId: null,
  from: '2026-11-22T09:30:00.000Z',
  to: '2026-11-22T09:30:01.004Z',
  counts: { delivered: 1 },
  waitingNow: 0,
  delivered: [
    {
      position: 182_340,
      messageId: 'node-next-1763803798120-5f0c',
      type: 'track',
      name: 'Order Completed',
      actionId: 'b1f0d7c2-9a34-4e6b-8c15-7d2e4f6a8b90',
      deliveryId: '6f1f2c0e-8d4b-5a0f-9c57-3f0b6b1d2e84',
    },
  ],
  setAside: [],
  dead: [],
  omitted: { delivered: 0, setAside: 0, dead: 0 },
};
