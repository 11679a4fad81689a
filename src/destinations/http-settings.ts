import { z } from 'zod';

/** Settings of every destination that is reached by HTTP. */
export const httpSettings = {
  timeoutMs: z.number().int().min(100).max(30_000).default(15_000).meta({
    description: 'Milliseconds from the start of a request until the whole answer is there.',
  }),
  concurrency: z.number().int().min(1).max(1_024).default(16).meta({
    description: 'Connections of one lane, each with one request at a time.',
  }),
};

/** Where a destination that is reached by HTTP lives. */
export const HttpUrl = z.string().max(2_048);
