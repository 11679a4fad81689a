import { z } from 'zod';
import type { AudienceRecord } from '../../db/audiences.ts';
import { Id, Name, Time } from './fields.ts';

const Key = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\w.:-]+$/, 'Letters, digits and _ . : - are taken.');
const ExternalId = z.string().min(1).max(1_000);
const Settings = z.record(z.string(), z.unknown());

export const AudiencePath = z.strictObject({ id: Id, audience: Id });

export const NewAudience = z.strictObject({
  key: Key.meta({
    description: 'What its events call it: `context.personas.computation_key`.',
    example: 'recent_buyers',
  }),
  computationId: z.exactOptional(Key).meta({
    description: 'Events that name this `context.personas.computation_id` are its own, too.',
  }),
  name: z.exactOptional(Name).meta({ description: 'What it is called at the service. Absent: its key.' }),
  settings: Settings.default({}).meta({
    description: 'What the type asks for of an audience: `audience.settings` of its entry in the catalog.',
  }),
  externalId: z.exactOptional(ExternalId).meta({
    description:
      'Of an audience that the service has already; it is asked whether it does, where the definition can. Absent: one is made.',
  }),
});

export const ChangedAudience = z
  .strictObject({
    name: z.exactOptional(Name),
    settings: z.exactOptional(Settings).meta({
      description: 'Only what is named changes; null takes a setting away. Nothing changes at the service.',
    }),
  })
  .refine((change) => Object.keys(change).length > 0, 'Name what is to change: `name` or `settings`.');

export const Audience = z
  .object({
    id: Id,
    key: z.string(),
    computationId: z.string().nullable(),
    name: z.string(),
    externalId: z.string().meta({ description: 'What the service calls it.' }),
    settings: Settings,
    createdAt: Time,
    updatedAt: Time,
  })
  .meta({ id: 'Audience' });

export const audienceExample: z.input<typeof Audience> = {
  id: '5e0c7d43-0f3c-4f5e-9a53-6f2b1f0c8a11',
  key: 'recent_buyers',
  computationId: null,
  name: 'Recent buyers',
  externalId: 'Y6nRLr',
  settings: {},
  createdAt: '2026-10-14T02:00:00.000Z',
  updatedAt: '2026-10-14T02:00:00.000Z',
};

/** An audience as it is answered. */
export function showAudience({
  createdAt,
  updatedAt,
  ...audience
}: AudienceRecord): z.input<typeof Audience> {
  return { ...audience, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}
