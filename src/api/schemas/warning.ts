import { z } from 'zod';
import type { DestinationRecord } from '../../db/destinations.ts';
import type { RunRecord } from '../../db/runs.ts';
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

const EmptySelection = z
  .object({
    code: z.literal('empty_selection').meta({ description: 'Stable: branch on this.' }),
    message: z.string().meta({ description: 'What it means, for a person.' }),
    archiveEnd: z.int().meta({ description: 'The newest position of the archive. 0: it is empty.' }),
  })
  .meta({
    id: 'EmptySelectionWarning',
    description: 'What was done all the same: the replay selects no event, so it sends nothing.',
  });

export const ReplayWarnings = z.array(z.discriminatedUnion('code', [RegionWarning, EmptySelection])).meta({
  description:
    '`leaves_region`: data leaves the region of this deployment; only where both regions are stated, and differ. `empty_selection`: no event is selected, as where a range lies beyond the end of the archive; not of a replay that begins later.',
});

/** What an answer has to say of a replay that selects nothing. @param archiveEnd the newest position */
export function selectionWarnings(
  replay: Pick<
    RunRecord,
    'desired' | 'selected' | 'selectedExact' | 'fromPosition' | 'toPosition' | 'cutToStream'
  >,
  archiveEnd: number,
): z.input<typeof EmptySelection>[] {
  const { desired, selected, selectedExact, fromPosition: from, toPosition } = replay;
  if (desired === 'planned' || selected > 0 || !selectedExact) return [];
  const end = archiveEnd === 0 ? 'the archive is empty' : `the archive ends at position ${archiveEnd}`;
  const isBehind = from > (toPosition ?? 0);
  const reason = isBehind
    ? replay.cutToStream && from <= archiveEnd
      ? 'what the range takes belongs to the destination’s own stream, which delivers it'
      : `the range begins at position ${from}, and ${end}`
    : `no event from position ${from} to ${toPosition} is what was asked for; ${end}`;
  return [{ code: 'empty_selection', message: `Nothing is selected: ${reason}.`, archiveEnd }];
}

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
