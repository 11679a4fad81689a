import { z } from 'zod';
import type { NotificationRecord } from '../../db/notifications.ts';
import { HttpUrl } from '../../destinations/http-settings.ts';
import { webhookSecretProblem } from '../../destinations/webhook-signature.ts';
import { Id, Name, Time } from './fields.ts';
import { OperatorEventType } from './operator-event.ts';

const Url = HttpUrl.min(1).meta({
  description:
    'Where events are POSTed to, https or http. Stored encrypted; answers show it without its query, and without what in its path looks like a secret.',
  example: 'https://example.com/hooks/reprise',
});
const Secret = z
  .string()
  .max(1_000)
  .superRefine((secret, context) => {
    const fault = webhookSecretProblem(secret);
    if (fault !== null) context.addIssue({ code: 'custom', message: fault });
  });
const secretText =
  'Signs each request by Standard Webhooks: whsec_ and 24 to 64 bytes in base64. During a rotation several, the new one first, between spaces. Stored encrypted, never answered but where it was generated.';
const Events = z.array(OperatorEventType).min(1).max(OperatorEventType.options.length).nullable().meta({
  description: 'The types that it is told of. null: all, also those that come with later versions.',
});

export const NewNotification = z.strictObject({
  url: Url,
  name: z.exactOptional(Name).meta({ description: 'A name for people. Absent: the host of the address.' }),
  events: Events.default(null),
  secret: z.exactOptional(Secret).meta({ description: `${secretText} Absent: it is generated.` }),
});

export const ChangedNotification = z.strictObject({
  url: z.exactOptional(Url),
  name: z.exactOptional(Name),
  events: z.exactOptional(Events),
  secret: z
    .exactOptional(Secret.nullable())
    .meta({ description: `${secretText} null: it is generated anew, and shown in this answer.` }),
});

export const Notification = z
  .object({
    id: Id,
    name: z.string(),
    url: z.string().nullable().meta({
      description:
        'Without its query and what looks like a secret. null: it was sealed with a key that this server does not have.',
    }),
    events: Events,
    pending: z.int().meta({ description: 'Events that it is still to be told of.' }),
    lastDeliveredAt: Time.nullable(),
    failing: z
      .object({
        since: Time,
        failures: z.int().meta({ description: 'In a row.' }),
        nextTryAt: Time.nullable(),
      })
      .nullable()
      .meta({ description: 'null: the last event that was sent was taken, or none was sent yet.' }),
    lastFailure: z
      .object({
        at: Time,
        errorClass: z.string().meta({ description: 'As `http_500`, `timeout`, `egress_refused`.' }),
        message: z.string(),
        status: z.exactOptional(z.int()),
      })
      .nullable(),
    givenUp: z.int().meta({ description: 'Events that it was not told of in three days of trying.' }),
    lastGivenUpAt: Time.nullable(),
    createdAt: Time,
    updatedAt: Time,
  })
  .meta({ id: 'Notification' });

/** The answer that shows a generated secret, this one time. */
export const NotificationWithSecret = Notification.extend({
  secret: z.exactOptional(z.string()).meta({
    description: 'The secret that was generated. It is shown in this answer and never again.',
  }),
}).meta({ id: 'NotificationWithSecret' });

/** A notification as it is answered. @param url as it may be shown, null when it cannot be opened */
export function showNotification(
  record: NotificationRecord,
  url: string | null,
): z.input<typeof Notification> {
  const { id, name, events, pending, failures, failingSince, nextTryAt, lastFailure, givenUp } = record;
  return {
    id,
    name,
    url,
    events: events === null ? null : [...events],
    pending,
    lastDeliveredAt: timeOf(record.lastDeliveredAt),
    failing:
      failingSince === null
        ? null
        : { since: failingSince.toISOString(), failures, nextTryAt: timeOf(nextTryAt) },
    lastFailure,
    givenUp,
    lastGivenUpAt: timeOf(record.lastGivenUpAt),
    createdAt: record.createdAt.toISOString(),
    updatedAt: record.updatedAt.toISOString(),
  };
}

const timeOf = (time: Date | null) => time?.toISOString() ?? null;

export const notificationExample: z.input<typeof Notification> = {
  id: '8a4c2e60-1f3b-4d57-a9c8-5e7d9b0f1a23',
  name: 'On call',
  url: 'https://example.com/hooks/reprise',
  events: ['replay.failed', 'destination.down', 'destination.recovered'],
  pending: 0,
  lastDeliveredAt: '2026-11-22T09:42:10.480Z',
  failing: null,
  lastFailure: null,
  givenUp: 0,
  lastGivenUpAt: null,
  createdAt: '2026-11-22T09:00:00.000Z',
  updatedAt: '2026-11-22T09:00:00.000Z',
};
