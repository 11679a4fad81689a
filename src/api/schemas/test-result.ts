import { z } from 'zod';

/** How a test event fared. */
export const TestResult = z
  .object({
    ok: z.boolean().nullable().meta({
      description:
        'true: it was taken. false: it was not. null: there was nothing to test with, so whether the settings are right shows with the first delivery.',
    }),
    message: z.string().meta({ description: 'How it went, for a person.' }),
    status: z.exactOptional(z.int()).meta({ description: 'The HTTP status that was answered.' }),
    latencyMs: z.number(),
  })
  .meta({ id: 'TestResult' });
