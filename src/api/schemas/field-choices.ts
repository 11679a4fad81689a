import { z } from 'zod';
import { Id } from './fields.ts';

export const FieldPath = z.strictObject({
  id: Id,
  action: z.string().min(1).max(100).meta({
    description: 'What the action does, by the definition’s name. The destination need not have it yet.',
    example: 'streamConversion',
  }),
  field: z.string().min(1).max(200).meta({
    description:
      'One of the action’s `dynamicFields` in the catalog; within a list `associations.[0].label`; of a hook’s inputs `onMappingSave.adAccountId`.',
    example: 'onMappingSave.adAccountId',
  }),
});

export const ChoicesAsked = z.strictObject({
  payload: z.record(z.string(), z.unknown()).default({}).meta({
    description:
      'What the mapping has so far, as plain values; for a hook’s input what the hook’s inputs have. Some choices depend on others.',
  }),
  page: z.exactOptional(z.string().min(1).max(10_000)).meta({
    description: '`nextPage` of the answer before. Absent: the first page.',
  }),
  query: z.exactOptional(z.string().min(1).max(200)).meta({
    description: 'What to search for, where the definition can; the others answer what they have.',
  }),
});

export const FieldChoices = z
  .object({
    choices: z.array(
      z.object({
        label: z.string(),
        value: z.union([z.string(), z.number(), z.boolean()]),
        description: z.exactOptional(z.string()),
      }),
    ),
    nextPage: z
      .string()
      .nullable()
      .meta({ description: 'Asks for more of them. null: these are all, or the definition has no pages.' }),
  })
  .meta({ id: 'FieldChoices' });
