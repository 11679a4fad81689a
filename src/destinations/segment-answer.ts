import { z } from 'zod';
import { outcomesOf, type Failure, type Outcome } from '../core/outcome.ts';
import type { Answer } from './http-attempt.ts';
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
 * The outcomes of a batch whose answer tells of single items. Those that it names are refused. Of a batch that was refused
 * the others go again, as strict mode stores all of a batch or nothing; of one that was taken in parts they have arrived.
 * What an answer of success contradicts, or tells of in a way that cannot be read, has not arrived for certain.
 * @param outcome what the answer means for the batch as a whole @param answer with its body, or the start of it
 * @returns null: it tells of no items
 */
export function outcomesOfNamed(outcome: Outcome, { head, body }: Answered, count: number): Outcome[] | null {
  if (outcome.kind === 'refused') return outcomesOfRefused(outcome, body, count);
  return outcome.kind === 'delivered' ? outcomesOfTaken(outcome, { status: head.status, body }, count) : null;
}

type Answered = Extract<Answer, { kind: 'answered' }>;

function outcomesOfRefused(
  { failure }: Extract<Outcome, { kind: 'refused' }>,
  body: Uint8Array,
  count: number,
) {
  const named = Refusal.safeParse(parsed(body));
  if (!named.success || named.data.errors.some(({ index }) => index >= count)) return null;
  return outcomesBy(named.data, count, failure, { kind: 'notSent' });
}

function outcomesOfTaken(
  taken: Outcome,
  { status, body }: { readonly status: number; readonly body: Uint8Array },
  count: number,
): Outcome[] | null {
  const text = Buffer.from(body).toString();
  const said = parsed(body) as { readonly success?: unknown; readonly errors?: unknown } | null | undefined;
  const errors = said?.errors;
  const namesNone = errors === undefined || errors === null || (Array.isArray(errors) && errors.length === 0);
  const isCut = said === null && text.trimStart().startsWith('{') && text.includes('"errors"');
  if (namesNone && said?.success !== false && !isCut && status !== 207) return null;
  const failure: Failure = {
    errorClass: 'item_refused',
    message: `It answered ${status} and did not take all of the batch.`,
    status,
    response: { headers: {}, body: shownText(text, 1_000) },
  };
  const named = Refusal.safeParse(said);
  if (named.success && named.data.errors.every(({ index }) => index < count)) {
    return outcomesBy(named.data, count, failure, taken);
  }
  const message = `${failure.message} What it says does not tell of which events.`;
  return outcomesOf({ kind: 'failed', failure: { ...failure, errorClass: 'item_unclear', message } }, count);
}

function outcomesBy(
  { errors }: z.output<typeof Refusal>,
  count: number,
  failure: Failure,
  others: Outcome,
): Outcome[] {
  const byIndex = new Map(errors.map((error) => [error.index, error]));
  return Array.from({ length: count }, (_, index) => {
    const error = byIndex.get(index);
    if (error === undefined) return others;
    const said = shownText(error.message ?? error.code ?? 'no reason', 300);
    return {
      kind: 'refused',
      failure: { ...failure, message: `${failure.message} It says of this event: ${said}` },
    };
  });
}

function parsed(text: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(text).toString());
  } catch {
    return null;
  }
}
