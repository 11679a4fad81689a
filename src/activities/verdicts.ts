import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ArchivedEvent } from '../core/event.ts';
import { verdictOf, type EventFilters, type Verdict } from '../core/event-filters.ts';

/** For so long filters are asked at a stretch: leases, other lanes and answers wait meanwhile. */
const turnMs = 4;

/**
 * What a run's filters say of the events of a page, in its order; null when there is nothing to ask. Events may have to be
 * parsed for it, so it goes in turns with everything else that the process does.
 */
export async function verdictsOf(
  events: readonly ArchivedEvent[],
  filters: EventFilters | null,
): Promise<readonly Verdict[] | null> {
  if (filters === null) return null;
  const verdicts: Verdict[] = [];
  let turnOverAt = performance.now() + turnMs;
  for (const event of events) {
    verdicts.push(verdictOf(event, filters));
    if (performance.now() < turnOverAt) continue;
    await nextTurn();
    turnOverAt = performance.now() + turnMs;
  }
  return verdicts;
}
