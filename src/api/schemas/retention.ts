import { z } from 'zod';
import type { TooOld } from '../../db/retention/drop.ts';
import type { Retention } from '../../db/retention/setting.ts';
import { Id, Time } from './fields.ts';

const days = z.int().min(1).max(36_500).nullable().meta({
  description: 'How long events are kept after they were received; null: for ever.',
  example: 400,
});

/** From where the archive is kept. */
export const KeptFrom = z.object({ position: z.int(), receivedAt: Time.nullable() }).meta({
  description:
    'The first position that may still be there. Everything that is gone was received before `receivedAt`; null: nothing is gone.',
});

export const RetentionChange = z.strictObject({
  days,
  dryRun: z.boolean().default(false).meta({ description: 'Only tells what would go.' }),
});

export const RetentionShown = z
  .object({
    days,
    keptFrom: KeptFrom,
    tooOld: z
      .object({
        partitions: z.int(),
        toPosition: z.int().nullable(),
        bytes: z.int(),
        heldBy: z.array(
          z.object({ runId: Id, kind: z.enum(['replay', 'stream']), destinationId: Id }).meta({
            description: 'Has yet to read, or to send, something of it: that stays until it has.',
          }),
        ),
      })
      .meta({ description: 'What goes by `days` within the next minutes, unless somebody holds it.' }),
    changedAt: Time.nullable(),
  })
  .meta({ id: 'Retention' });

/** From where the archive is kept, as it is answered. */
export function showKeptFrom({
  keptFrom,
  keptSince,
}: Pick<Retention, 'keptFrom' | 'keptSince'>): z.input<typeof KeptFrom> {
  return { position: keptFrom, receivedAt: keptSince?.toISOString() ?? null };
}

/** How long the archive keeps, as it is answered. */
export function showRetention(
  { days: kept, keptFrom, keptSince, changedAt }: Retention,
  { partitions, heldBy }: TooOld,
): z.input<typeof RetentionShown> {
  return {
    days: kept,
    keptFrom: showKeptFrom({ keptFrom, keptSince }),
    tooOld: {
      partitions: partitions.length,
      toPosition: partitions.at(-1)?.lastPosition ?? null,
      bytes: partitions.reduce((sum, { bytes }) => sum + bytes, 0),
      heldBy: heldBy.map(({ runId, kind, destinationId }) => ({ runId, kind, destinationId })),
    },
    changedAt: changedAt?.toISOString() ?? null,
  };
}

export const retentionExample: z.input<typeof RetentionShown> = {
  days: 400,
  keptFrom: { position: 4_194_304, receivedAt: '2025-10-18T09:30:00.000Z' },
  tooOld: { partitions: 0, toPosition: null, bytes: 0, heldBy: [] },
  changedAt: '2026-11-22T09:30:00.000Z',
};
