import type { CatalogDocument } from './document.ts';
import { describe } from './describe.ts';
import { laidOut } from './layout.ts';
import { fileOfDefinition, loadFromPackage, packageVersion, placesInPackage } from './package.ts';
import { scanCode } from './scan-code.ts';
import { summaryOf } from './summary.ts';

/**
 * The catalog's files as they should be, by name. Loads every definition of the package, which takes two seconds and
 * 200 MB: nothing that serves requests calls it.
 */
export function generateCatalog(): ReadonlyMap<string, string> {
  const documents: CatalogDocument[] = [];
  for (const place of placesInPackage()) {
    const definition = loadFromPackage(place.folder);
    if (definition.mode !== 'cloud') continue;
    documents.push(describe(definition, place, scanCode(fileOfDefinition(place.folder))));
  }
  documents.sort((a, b) => (a.type < b.type ? -1 : 1));
  const index = { version: packageVersion(), definitions: documents.map(summaryOf) };
  return new Map([
    ['index.json', `${laidOut(index)}\n`],
    ...documents.map((document) => [`${document.type}.json`, `${laidOut(document)}\n`] as const),
  ]);
}
