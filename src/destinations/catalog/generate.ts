import { ownDefinitions } from '../registry.ts';
import { completed } from './complete.ts';
import { describeOwn } from './describe-own.ts';
import { describe } from './describe.ts';
import type { DescribedDefinition } from './document.ts';
import { laidOut } from './layout.ts';
import { fileOfDefinition, loadFromPackage, packageVersion, placesInPackage } from './package.ts';
import { writtenProfiles } from './profiles.ts';
import { scanCode } from './scan-code.ts';
import { summaryOf } from './summary.ts';

/**
 * The catalog's files as they should be, by name. Loads every definition of the package, which takes two seconds and
 * 200 MB: nothing that serves requests calls it.
 */
export function generateCatalog(): ReadonlyMap<string, string> {
  const profiles = new Map(writtenProfiles());
  const take = (type: string) => {
    const profile = profiles.get(type) ?? null;
    profiles.delete(type);
    return profile;
  };
  const documents = [
    ...ownDefinitions.map(describeOwn).map((own) => completed(own, take(own.type), false)),
    ...describePackage().map((described) => completed(described, take(described.type), true)),
  ];
  const [left] = profiles.keys();
  if (left !== undefined) throw new Error(`there is a profile of ${left}, which the catalog does not have`);
  const environment = [...new Set(documents.flatMap((document) => document.environment))].toSorted();
  const index = { version: packageVersion(), environment, definitions: documents.map(summaryOf) };
  return new Map([
    ['index.json', `${laidOut(index)}\n`],
    ...documents.map((document) => [`${document.type}.json`, `${laidOut(document)}\n`] as const),
  ]);
}

function describePackage(): DescribedDefinition[] {
  return placesInPackage()
    .map((place) => ({ place, definition: loadFromPackage(place.folder) }))
    .filter(({ definition }) => definition.mode === 'cloud')
    .map(({ place, definition }) => describe(definition, place, scanCode(fileOfDefinition(place.folder))))
    .toSorted((a, b) => (a.type < b.type ? -1 : 1));
}
