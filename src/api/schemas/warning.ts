import { z } from 'zod';
import type { DestinationRecord } from '../../db/destinations.ts';
import { Id } from './fields.ts';
import { RegionWarning } from './region.ts';

const DeletedSources = z
  .object({
    code: z.literal('deleted_sources').meta({ description: 'Stable: branch on this.' }),
    message: z.string().meta({ description: 'What it means, for a person.' }),
    sources: z.array(Id).meta({ description: 'Those that were deleted.' }),
  })
  .meta({
    id: 'DeletedSourcesWarning',
    description: 'The destination takes sources that were deleted: nothing new comes from them.',
  });

export const Warnings = z.array(z.discriminatedUnion('code', [RegionWarning, DeletedSources])).meta({
  description:
    '`leaves_region`: data leaves the region of this deployment; only where both regions are stated, and differ. `deleted_sources`: of a destination, that nothing new comes from sources that it takes.',
});

/** What a destination has to say of the sources that it takes. */
export function sourceWarnings({
  sources,
  deletedSources: deleted,
}: Pick<DestinationRecord, 'sources' | 'deletedSources'>): z.input<typeof DeletedSources>[] {
  if (sources === null || deleted.length === 0) return [];
  const all = deleted.length === sources.length;
  const message = all
    ? 'Every source that the destination takes was deleted: it gets no new event. Give it other sources, or null for all.'
    : `Of the sources that the destination takes, ${deleted.length} of ${sources.length} were deleted: nothing new comes from them.`;
  return [{ code: 'deleted_sources', message, sources: [...deleted] }];
}
