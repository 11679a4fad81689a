import { z } from 'zod';

const KeyId = z.string().meta({ description: 'Tells a key apart from others.', example: 'Zk3vQ0aB' });

const KeyUse = z.object({
  keyId: KeyId,
  destinations: z.int().meta({ description: 'Destinations whose settings it seals.' }),
  keptAnswers: z
    .int()
    .meta({ description: 'Answers it seals that are kept for their Idempotency-Key; 24 hours.' }),
  notifications: z.int().meta({ description: 'Notifications whose address and secret it seals.' }),
});

export const Keys = z
  .object({
    current: KeyId.meta({ description: 'What is sealed from now on is sealed with it.' }),
    known: z
      .array(KeyId)
      .meta({ description: 'The keys that this process opens with, the current one first.' }),
    sealed: z.array(KeyUse).meta({ description: 'What each key seals.' }),
  })
  .meta({ id: 'SecretKeys' });

export const KeyChangeAnswer = z
  .object({
    current: KeyId,
    rewrapped: z.int().meta({ description: 'How many texts the current key has been wrapped around.' }),
    unreadable: z
      .array(
        z.object({
          kind: z.enum(['destination', 'idempotency_key', 'notification']),
          row: z.array(z.string()).meta({
            description: 'What tells it: the id of the destination or notification, or route and key.',
          }),
          detail: z.string(),
        }),
      )
      .meta({ description: 'Texts that stay as they are, and why.' }),
    complete: z.boolean().meta({ description: 'false: there was no time for all of them. Ask again.' }),
    sealed: z.array(KeyUse),
  })
  .meta({ id: 'KeyChange' });

const uses = [{ keyId: 'Zk3vQ0aB', destinations: 12, keptAnswers: 3, notifications: 1 }];

export const keysExample: z.input<typeof Keys> = {
  current: 'Zk3vQ0aB',
  known: ['Zk3vQ0aB', 'p9_fWx12'],
  sealed: [...uses, { keyId: 'p9_fWx12', destinations: 2, keptAnswers: 0, notifications: 0 }],
};

export const keyChangeExample: z.input<typeof KeyChangeAnswer> = {
  current: 'Zk3vQ0aB',
  rewrapped: 16,
  unreadable: [],
  complete: true,
  sealed: uses,
};
