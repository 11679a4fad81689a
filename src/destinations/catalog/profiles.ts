import { readdirSync, readFileSync } from 'node:fs';
import { ReplayProfile } from '../replay-profile.ts';

const folder = new URL('../profiles/', import.meta.url);

/** All profiles that were written down, by type. Read when the index is generated; who serves reads the index. */
export function writtenProfiles(): ReadonlyMap<string, ReplayProfile> {
  const profiles = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => {
      const profile = ReplayProfile.parse(JSON.parse(readFileSync(new URL(name, folder), 'utf8')));
      if (name !== `${profile.type}.json`) throw new Error(`${name} is the profile of ${profile.type}`);
      return [profile.type, profile] as const;
    });
  return new Map(profiles);
}
