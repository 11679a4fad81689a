import { z } from 'zod';

/** A text that Postgres can hold, as text and inside jsonb: without NUL, without half a surrogate pair. */
export const storableText = (limit: number) =>
  z
    .string()
    .min(1)
    .max(limit)
    .refine((text) => !text.includes('\0') && text.isWellFormed(), 'Holds NUL or half of a surrogate pair.');

/** The same for what people look for by name: it shows something. */
export const storableName = (limit: number) =>
  storableText(limit).refine((text) => text === '' || text.trim() !== '', 'A name has more than blanks.');
