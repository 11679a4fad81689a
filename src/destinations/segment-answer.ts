import { z } from 'zod';
import type { Outcome } from '../core/outcome.ts';
import { shownText } from './http-exchange.ts';

/** What a receiver in strict mode says of single items of a batch that it refuses. */
const Refusal = z.object({
  errors: z
    .array(
      z.object({
        index: z.int().min(0),
        code: z.string().optional(),
        message: z.string().optional(),
      }),
    )
    .min(1),
});

/**
 * The outcomes of a batch that was refused because of items that the answer names: these are refused, and the others go
 * again, as strict mode stores all of a batch or nothing.
 * @param outcome what the answer means for the batch as a whole @param answer its body, or the start of it
 * @returns null: it names none, or nothing of what was sent
 */
export function outcomesOfNamed(outcome: Outcome, answer: Uint8Array, count: number): Outcome[] | null {
  if (outcome.kind !== 'refused') return null;
  const named = Refusal.safeParse(parsed(answer));
  if (!named.success) return null;
  const byIndex = new Map(named.data.errors.map((error) => [error.index, error]));
  if ([...byIndex.keys()].some((index) => index >= count)) return null;
  return Array.from({ length: count }, (_, index) => {
    const error = byIndex.get(index);
    if (error === undefined) return { kind: 'notSent' };
    const said = shownText(error.message ?? error.code ?? 'no reason', 300);
    const message = `${outcome.failure.message} It says of this event: ${said}`;
    return { kind: 'refused', failure: { ...outcome.failure, message } };
  });
}

function parsed(text: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(text).toString());
  } catch {
    return null;
  }
}
