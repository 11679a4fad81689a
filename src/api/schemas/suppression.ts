import { z } from 'zod';
import { SearchText } from '../../core/replay-request.ts';
import { storableText } from '../../core/storable-text.ts';
import type { SuppressedId, SuppressionRecord } from '../../db/suppressions.ts';
import { Id, Time } from './fields.ts';

/** Postgres indexes no longer one. */
const idBytes = 2_000;

const UserText = SearchText.refine(
  (text) => Buffer.byteLength(text) <= idBytes,
  `Longer than ${idBytes} bytes in UTF-8.`,
);

/** Whom a body names: one of the two. */
export const personIds = {
  userId: z
    .exactOptional(UserText)
    .meta({ description: 'Compared exactly with the `userId` of events.', example: 'user-42' }),
  anonymousId: z
    .exactOptional(UserText)
    .meta({ description: 'Compared exactly with the `anonymousId` of events.' }),
};
const reason = z
  .exactOptional(storableText(1_000))
  .meta({ description: 'For people: why.', example: 'Asked us to stop, ticket 311.' });

/** Refuses a body that names nobody, or both ids. */
export const oneOfThem = (value: { userId?: string; anonymousId?: string }, context: z.RefinementCtx) => {
  const given = [value.userId, value.anonymousId].filter((id) => id !== undefined);
  if (given.length === 1) return;
  const message =
    given.length === 0
      ? 'Say whom: give a `userId` or an `anonymousId`.'
      : 'Give `userId` or `anonymousId`, not both: each id is a suppression of its own.';
  context.addIssue({ code: 'custom', path: [given.length === 0 ? 'userId' : 'anonymousId'], message });
};

export const NewSuppression = z.strictObject({ ...personIds, reason }).superRefine(oneOfThem);
export const NewSuppressions = z.strictObject({
  users: z
    .array(z.strictObject(personIds).superRefine(oneOfThem))
    .min(1)
    .max(1_000)
    .meta({ description: 'Each with a `userId` or an `anonymousId`.' }),
  reason,
});

export const Suppression = z
  .object({
    id: Id,
    userId: z.string().nullable(),
    anonymousId: z.string().nullable(),
    reason: z.string().nullable(),
    status: z.enum(['suppressing', 'suppressed', 'lifting', 'lifted']).meta({
      description:
        '`suppressed`: no worker sends to this user any more. `suppressing`: it is written, and a worker has not confirmed it yet. `lifting` and `lifted` likewise.',
    }),
    createdAt: Time,
    liftedAt: Time.nullable(),
  })
  .meta({ id: 'Suppression', description: 'A user to whom nothing is sent.' });

/** The id that a body names, as the archive's look-up columns have it. */
export function suppressedId(named: { userId?: string; anonymousId?: string }): SuppressedId {
  return { userId: named.userId ?? null, anonymousId: named.anonymousId ?? null };
}

/** A suppression as it is answered. @param heard the revision that every worker has confirmed */
export function showSuppression(suppression: SuppressionRecord, heard: number): z.input<typeof Suppression> {
  const { id, userId, anonymousId, reason, liftedAt } = suppression;
  const isHeard = suppression.revision <= heard;
  const status =
    liftedAt === null ? (isHeard ? 'suppressed' : 'suppressing') : isHeard ? 'lifted' : 'lifting';
  return {
    id,
    userId,
    anonymousId,
    reason,
    status,
    createdAt: suppression.createdAt.toISOString(),
    liftedAt: liftedAt?.toISOString() ?? null,
  };
}

export const suppressionExample: z.input<typeof Suppression> = {
  id: '4b7c2f6e-1d0a-4c83-9e57-a2f4d8c1b960',
  userId: 'user-42',
  anonymousId: null,
  reason: 'Asked us to stop, ticket 311.',
  status: 'suppressed',
  createdAt: '2026-11-22T09:30:00.000Z',
  liftedAt: null,
};
