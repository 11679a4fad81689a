import { z } from 'zod';
import { previewProblems } from '../../destinations/preview.ts';
import { Id } from './fields.ts';

/** What keeps an event from an action before anything is mapped, in the order in which it is decided. */
export const heldBackBy = ['sources', 'trigger', 'filter', 'integrations', 'suppression', 'time'] as const;

const EventId = z.union([
  z.int().positive().max(Number.MAX_SAFE_INTEGER),
  z
    .string()
    .regex(/^[^\0]*$/, 'A messageId has no NUL.')
    .min(1)
    .max(10_000),
]);

export const PreviewAsked = z.strictObject({
  eventIds: z.exactOptional(z.array(EventId).min(1).max(20)).meta({
    description: 'Archived events, by position or messageId.',
    example: [182_340],
  }),
  event: z.exactOptional(z.record(z.string(), z.unknown())).meta({
    description: 'In place of `eventIds`: an event as an SDK would send it. It is not archived.',
  }),
  sourceId: z.exactOptional(Id).meta({
    description: 'Of which source `event` would be. Absent: of any that the destination takes.',
  }),
  actions: z.exactOptional(z.array(z.string().min(1).max(200)).min(1).max(100)).meta({
    description:
      'Only these actions of the destination: by id, by name, or by what they do (`trackEvent`). Absent: all.',
  }),
  replay: z.boolean().default(false).meta({
    description:
      'As a replay would send it: with what its replay profile sets for old events, and not what is too old for the destination.',
  }),
});

const Body = z
  .object({
    bytes: z.int().meta({ description: 'As it would leave, compressed or not.' }),
    text: z.string().nullable().meta({ description: 'Uncompressed. null: it is no UTF-8.' }),
    base64: z.string().nullable().meta({ description: 'Of a body that is no UTF-8.' }),
    json: z.exactOptional(z.unknown()).meta({ description: 'Of a text that is JSON.' }),
    cut: z.boolean().meta({ description: 'Only its first 131,072 bytes are shown.' }),
  })
  .meta({ id: 'PreviewedBody' });

const Request = z
  .object({
    method: z.string(),
    url: z.string(),
    headers: z.record(z.string(), z.string()).meta({
      description: 'Those that HTTP itself adds (host, content-length) are not among them.',
    }),
    body: Body.nullable(),
    refused: z.string().nullable().meta({
      description: 'Why this address may not be dialled, as far as the address itself says so.',
    }),
  })
  .meta({
    id: 'PreviewedRequest',
    description: 'A request that would leave; `[secret]` stands for secrets.',
  });

const DeliveryPreview = z
  .object({
    actionId: Id,
    actionName: z.string(),
    action: z.string().nullable(),
    version: z.int(),
    sends: z.boolean().meta({ description: 'false: the event is held back, and nothing is mapped.' }),
    heldBackBy: z.array(z.enum(heldBackBy)).meta({
      description:
        'All that keeps the event from the action; the first is what a delivery would count under. `time`: the destination takes no events of its time, and a replay does not send it (`tooOld`).',
    }),
    payload: z.unknown().meta({
      description:
        'What the mapping makes of the event, which is what the definition gets. null: nothing, or the event is held back.',
    }),
    requests: z.array(Request).meta({
      description:
        'What would leave, each event by itself; a delivery puts several into one request where it can.',
    }),
    connections: z.array(z.string()).meta({
      description:
        '`host:port` of connections that the definition would open itself, as to a Kafka broker. None is opened, so what would leave over them is not shown.',
    }),
    complete: z.boolean().meta({
      description:
        'false: there may be more. Each request of a definition is answered by `200 {}`, which is made up; a definition that asked for more, or that could not go on with that answer, would go its own way with the real one.',
    }),
    problem: z
      .object({ code: z.enum(previewProblems), message: z.string() })
      .nullable()
      .meta({
        description:
          '`unmappable`: the mapping fails for this event. `refused_by_definition`: the definition does not take what was mapped. `made_up_answer`: it failed at the made-up answer, which says nothing of the event. `own_connection`: it opens connections of its own, see `connections`. `definition_crashed`, `definition_overdue`: the mapping or the code ended its process, or did not end. `not_run`: ask again.',
      }),
  })
  .meta({ id: 'DeliveryPreview' });

const PreviewedEvent = z
  .object({
    position: z.int().nullable().meta({ description: 'null: it is not in the archive.' }),
    messageId: z.string(),
    type: z.string(),
    name: z.string().nullable(),
    deliveries: z.array(DeliveryPreview),
  })
  .meta({ id: 'PreviewedEvent' });

export const Preview = z.object({ data: z.array(PreviewedEvent) }).meta({ id: 'Preview' });

const body = { type: 'track', event: 'Order Completed', userId: 'user-42', properties: { total: 25 } };

export const previewExample: z.input<typeof Preview> = {
  data: [
    {
      position: 182_340,
      messageId: 'node-next-1763803798120-5f0c',
      type: 'track',
      name: 'Order Completed',
      deliveries: [
        {
          actionId: '6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e',
          actionName: 'Send event',
          action: null,
          version: 1,
          sends: true,
          heldBackBy: [],
          payload: body,
          requests: [
            {
              method: 'POST',
              url: 'https://example.com/events',
              headers: { 'content-type': 'application/json', 'webhook-signature': '[secret]' },
              body: { bytes: 91, text: JSON.stringify(body), base64: null, json: body, cut: false },
              refused: null,
            },
          ],
          connections: [],
          complete: true,
          problem: null,
        },
      ],
    },
  ],
};
