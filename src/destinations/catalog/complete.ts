import type { ReplayProfile } from '../replay-profile.ts';
import { computeProfile } from './compute-profile.ts';
import type { CatalogDocument, DescribedDefinition } from './document.ts';
import { explain } from './explain.ts';
import { readinessOf } from './readiness.ts';

/**
 * Adds to a description what is known of replays.
 * @param isComputed whether its mappings tell what becomes of times and ids; types of our own send events as they are
 */
export function completed(
  described: DescribedDefinition,
  profile: ReplayProfile | null,
  isComputed: boolean,
): CatalogDocument {
  const computed = isComputed ? computeProfile(described) : null;
  return {
    ...described,
    replay: {
      readiness: readinessOf(described, computed, profile),
      explanation: explain({ title: described.title, profile, computed }),
      profile,
      computed,
    },
  };
}
