import type { ReplayProfile } from '../replay-profile.ts';
import { readCatalogDocument } from './read.ts';

const known = new Map<string, ReplayProfile | null>();

/** The replay profile of a type; null: nobody wrote one. Each is read once. */
export function profileOf(type: string): ReplayProfile | null {
  let profile = known.get(type);
  if (profile === undefined) known.set(type, (profile = readCatalogDocument(type)?.replay.profile ?? null));
  return profile;
}
