import { z } from 'zod';
import { origins } from '../../core/event.ts';
import { maxEventBytes } from '../../core/rejection.ts';
import type { SourceRecord } from '../../db/sources.ts';
import { Id, Name, Time } from './fields.ts';

export const NewSource = z.strictObject({ name: Name });
const RateLimit = z.strictObject({
  eventsPerSecond: z.number().positive().max(1_000_000).meta({ example: 500 }),
});

const SuppressedUsers = z.enum(['archive', 'refuse']);

export const ChangedSource = z
  .strictObject({
    name: Name.optional(),
    blocked: z.boolean().optional().meta({
      description:
        'true: nothing is taken from it any more, within a second or so, until it is set to false. Its senders get 401.',
    }),
    rateLimit: RateLimit.nullable().optional().meta({
      description:
        'How much is taken from it, over all API processes, with two seconds of it at once after a quiet time; beyond that its senders get 429 with Retry-After. null: any number.',
    }),
    suppressedUsers: SuppressedUsers.optional().meta({
      description:
        'What becomes of new events of suppressed users. `archive`: they are archived and sent to nobody. `refuse`: within a second or so they are not stored any more, imports included; each is counted and listed as rejected (`user_suppressed`), without its content.',
    }),
    maxEventBytes: z
      .int()
      .min(1_024)
      .max(131_072)
      .nullable()
      .optional()
      .meta({
        description: `How large one event of it may be, in bytes after decompression; a request still brings at most 500 KB. null: ${maxEventBytes}. Raised, it lets in from then on what was too large before; \`POST /api/rejected/retry\` takes up what was rejected until then.`,
        example: 65_536,
      }),
  })
  .refine(
    (change) => Object.keys(change).length > 0,
    'Name what is to change: name, blocked, rateLimit, suppressedUsers, maxEventBytes.',
  );

export const KeyRotation = z.strictObject({
  overlapSeconds: z.int().min(0).max(2_592_000).default(86_400).meta({
    description: 'How long the keys before the new one are still accepted. 0: not any more.',
    example: 86_400,
  }),
});

export const Source = z
  .object({
    id: Id,
    name: Name,
    origin: z
      .enum(origins)
      .meta({ description: 'Where its events come from as a rule; each event says its own.' }),
    writeKey: z.string().nullable().meta({ description: 'The newest write key.' }),
    writeKeys: z
      .array(z.object({ key: z.string(), createdAt: Time, expiresAt: Time.nullable() }))
      .meta({ description: 'The keys that are accepted now; one that was rotated out has an end.' }),
    rateLimit: z
      .object({ eventsPerSecond: z.number() })
      .nullable()
      .meta({ description: 'How many events a second are taken from it; null: any number.' }),
    suppressedUsers: SuppressedUsers.meta({
      description: 'What becomes of new events of suppressed users: archived and sent to nobody, or refused.',
    }),
    maxEventBytes: z.int().meta({ description: 'How large one event of it may be, in bytes.' }),
    blockedAt: Time.nullable().meta({
      description: 'Since when nothing is taken from it; null: it is not blocked.',
    }),
    lastSeenAt: Time.nullable().meta({
      description:
        'When it last sent a request that its key let in; null: never. This and what follows is written every five seconds.',
    }),
    sdks: z.array(z.object({ name: z.string(), version: z.string().nullable(), lastSeenAt: Time })).meta({
      description:
        'The client libraries that its events name in `context.library`, or, where none of a request does, its User-Agent: those that it used last first, at most 50.',
    }),
    lastHour: z
      .object({
        received: z
          .int()
          .meta({ description: 'How many events came, duplicates and rejected ones included.' }),
        rejected: z.int().meta({ description: 'How many of them could not be archived.' }),
        rejectedRate: z
          .number()
          .nullable()
          .meta({ description: 'Rejected of received, from 0 to 1; null: nothing was received.' }),
      })
      .meta({ description: 'The last sixty minutes, imports included.' }),
    createdAt: Time,
  })
  .meta({ id: 'Source' });

/** A source as it is answered. */
export function showSource(source: SourceRecord): z.input<typeof Source> {
  return {
    id: source.id,
    name: source.name,
    origin: source.origin,
    writeKey: source.writeKeys[0]?.key ?? null,
    writeKeys: source.writeKeys.map((key) => ({
      key: key.key,
      createdAt: key.createdAt.toISOString(),
      expiresAt: key.expiresAt?.toISOString() ?? null,
    })),
    rateLimit: source.eventsPerSecond === null ? null : { eventsPerSecond: source.eventsPerSecond },
    suppressedUsers: source.suppressedUsers,
    maxEventBytes: source.maxEventBytes ?? maxEventBytes,
    blockedAt: source.blockedAt?.toISOString() ?? null,
    lastSeenAt: source.lastSeenAt?.toISOString() ?? null,
    sdks: source.sdks.map(({ name, version, lastSeenAt }) => ({
      name,
      version: version === '' ? null : version,
      lastSeenAt: lastSeenAt.toISOString(),
    })),
    lastHour: { ...source.lastHour, rejectedRate: rejectedRate(source.lastHour) },
    createdAt: source.createdAt.toISOString(),
  };
}

function rejectedRate({ received, rejected }: SourceRecord['lastHour']): number | null {
  return received === 0 ? null : rejected / received;
}

export const sourceExample: z.input<typeof Source> = {
  id: '6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e',
  name: 'Shop',
  origin: 'tracking_api',
  writeKey: 'wk_3f9a6c1e8b2d4f70a5c3e1d29b8f6a47',
  writeKeys: [
    { key: 'wk_3f9a6c1e8b2d4f70a5c3e1d29b8f6a47', createdAt: '2026-10-14T02:00:00.000Z', expiresAt: null },
  ],
  rateLimit: null,
  suppressedUsers: 'archive',
  maxEventBytes,
  blockedAt: null,
  lastSeenAt: '2026-10-14T03:12:08.031Z',
  sdks: [{ name: '@segment/analytics-node', version: '3.1.0', lastSeenAt: '2026-10-14T03:12:08.031Z' }],
  lastHour: { received: 1_200, rejected: 3, rejectedRate: 0.0025 },
  createdAt: '2026-10-14T02:00:00.000Z',
};
