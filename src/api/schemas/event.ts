import { z } from 'zod';
import { eventTypes, origins } from '../../core/event.ts';
import type { EventRecord } from '../../db/event-lookup.ts';
import type { Retention } from '../../db/retention/setting.ts';
import type { Found } from '../../db/search/search.ts';
import {
  EventCompletion,
  eventCompletionExample,
  EventDelivery,
  eventDeliveryExample,
} from './event-delivery.ts';
import { Id, pageOf, Time } from './fields.ts';
import { KeptFrom, showKeptFrom } from './retention.ts';

const columns = {
  position: z.int().meta({ description: 'Its place in the archive.' }),
  receivedAt: Time,
  sentAt: Time.nullable().meta({ description: 'As the sender’s clock had it.' }),
  timestamp: Time.meta({ description: 'When it happened, corrected for the skew of the sender’s clock.' }),
  sourceId: Id,
  origin: z.enum(origins),
  type: z.enum(eventTypes),
  name: z.string().nullable(),
  userId: z.string().nullable(),
  anonymousId: z.string().nullable(),
  messageId: z.string(),
  live: z.boolean().meta({ description: 'false: imported history, which streams pass over.' }),
};

export const Event = z.object(columns).meta({ id: 'Event', description: 'What look-ups know of an event.' });

export const EventWithText = z
  .object({
    ...columns,
    raw: z.string().meta({ description: 'The JSON that the sender sent, byte for byte.' }),
    supplied: z.array(EventCompletion).meta({
      description:
        'What Reprise has supplied, corrected or cut on the way from `raw` to `event`, with its reason.',
    }),
    deliveries: z.array(EventDelivery).meta({
      description:
        'How every action of every destination stands with it, and every run that had it in its hands. Of destinations and actions that were deleted only those that had it.',
    }),
    event: z.looseObject({}).meta({
      description:
        'The completed event that deliveries are made from: what was sent, with the corrected timestamp and whatever was absent. Numbers stand as they were sent, also those that a double cannot hold.',
    }),
  })
  .meta({ id: 'EventWithText' });

export const EventPage = pageOf(Event).extend({
  keptFrom: KeptFrom,
  searchedThrough: z.int().nullable().meta({
    description:
      'Position up to which everything was looked through, from where the page began. null: there was nothing to look through.',
  }),
});

/** A page of a search. @param cursorOf the cursor that goes on behind a position */
export function showEventPage(
  { events, through, more }: Found,
  kept: Pick<Retention, 'keptFrom' | 'keptSince'>,
  cursorOf: (through: number) => string,
): z.input<typeof EventPage> {
  return {
    keptFrom: showKeptFrom(kept),
    data: events.map(showEvent),
    nextCursor: more && through !== null ? cursorOf(through) : null,
    searchedThrough: through,
  };
}

/** An event's columns as they are answered. */
export function showEvent(event: EventRecord): z.input<typeof Event> {
  const { position, sourceId, origin, type, name, userId, anonymousId, messageId, live } = event;
  return {
    position,
    receivedAt: event.receivedAt.toISOString(),
    sentAt: event.sentAt?.toISOString() ?? null,
    timestamp: event.timestamp.toISOString(),
    sourceId,
    origin,
    type,
    name,
    userId,
    anonymousId,
    messageId,
    live,
  };
}

const eventExample: z.input<typeof Event> = {
  position: 182_340,
  receivedAt: '2026-11-22T09:30:00.000Z',
  sentAt: '2026-11-22T09:29:59.871Z',
  timestamp: '2026-11-22T09:29:58.120Z',
  sourceId: '6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e',
  origin: 'tracking_api',
  type: 'track',
  name: 'Order Completed',
  userId: 'user-42',
  anonymousId: null,
  messageId: 'node-next-1763803798120-5f0c',
  live: true,
};

export const eventPageExample: z.input<typeof EventPage> = {
  data: [eventExample],
  nextCursor: null,
  searchedThrough: 1,
  keptFrom: { position: 1, receivedAt: null },
};

export const eventWithTextExample: z.input<typeof EventWithText> = {
  ...eventExample,
  raw: '{"type":"track","event":"Order Completed","userId":"user-42","messageId":"node-next-1763803798120-5f0c","timestamp":"2026-11-22T09:29:57.991Z","properties":{"total":25.00}}',
  supplied: [eventCompletionExample],
  deliveries: [eventDeliveryExample],
  event: {
    type: 'track',
    event: 'Order Completed',
    userId: 'user-42',
    messageId: 'node-next-1763803798120-5f0c',
    properties: { total: 25 },
    timestamp: '2026-11-22T09:29:58.120Z',
    originalTimestamp: '2026-11-22T09:29:57.991Z',
    receivedAt: '2026-11-22T09:30:00.000Z',
  },
};
