import { z } from 'zod';
import { buckets } from '../../core/counts.ts';
import type { Change } from '../../db/lane-history.ts';
import type { DeadLetterClass } from '../../db/dead-letters.ts';
import { DeadLetter, deadLetterExample, showDeadLetter } from './dead-letter.ts';
import { Time } from './fields.ts';
import { remedyOf } from './remedy.ts';

const change = z.int();

/** What changed in a stretch of time, bucket by bucket. */
export const Changed = z.partialRecord(z.enum(buckets), change);

export const Series = z
  .array(z.object({ at: Time.meta({ description: 'Where the interval begins.' }), counts: Changed }))
  .meta({
    description:
      'What changed in each interval, oldest first; those without a change are left out. They add up to the counts of the whole. A number below 0: what waited has ended since, or is decided anew after a crash.',
  });

export const FailureClass = z
  .object({
    errorClass: z.string(),
    count: z.int().meta({ description: 'In deliveries.' }),
    firstDiedAt: Time,
    lastDiedAt: Time,
    remedy: z.string().meta({ description: 'What usually helps.' }),
    sample: DeadLetter.meta({ description: 'The newest of them, with what was sent and what came back.' }),
  })
  .meta({ id: 'FailureClass', description: 'Deliveries given up on, of one kind.' });

/** Changes as they are answered. */
export function showSeries(changes: readonly Change[]): z.input<typeof Series> {
  return changes
    .map(({ at, change: { events } }) => ({ at: at.toISOString(), counts: nonZero(events) }))
    .filter(({ counts }) => Object.keys(counts).length > 0);
}

/** A kind of failure as it is answered. */
export function showFailureClass(group: DeadLetterClass): z.input<typeof FailureClass> {
  return {
    errorClass: group.errorClass,
    count: group.count,
    firstDiedAt: group.firstDiedAt.toISOString(),
    lastDiedAt: group.lastDiedAt.toISOString(),
    remedy: remedyOf(group.errorClass),
    sample: showDeadLetter(group.sample),
  };
}

/** Counts without those that are 0. */
export function nonZero(counts: Readonly<Partial<Record<string, number>>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts).flatMap(([key, count]) =>
      count === undefined || count === 0 ? [] : [[key, count]],
    ),
  );
}

export const failureClassExample: z.input<typeof FailureClass> = {
  errorClass: 'http_400',
  count: 12,
  firstDiedAt: '2026-11-22T09:30:01.000Z',
  lastDiedAt: '2026-11-22T09:30:01.000Z',
  remedy: remedyOf('http_400'),
  sample: deadLetterExample,
};
