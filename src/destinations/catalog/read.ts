import { readFileSync } from 'node:fs';
import type { CatalogDocument } from './document.ts';
import type { CatalogSummary } from './summary.ts';

/** Where the generated files are, beside `src` as beside `dist`. */
export const catalogFolder = new URL('../../../assets/catalog/', import.meta.url);

let summaries: readonly CatalogSummary[] | undefined;

/** All types, as a list shows them: our own, then those of the package. Read once. */
export function catalogSummaries(): readonly CatalogSummary[] {
  summaries ??= (readJson('index.json') as { definitions: CatalogSummary[] }).definitions;
  return summaries;
}

/** Everything about one type; null when the catalog does not have it. */
export function readCatalogDocument(type: string): CatalogDocument | null {
  // Only a name that the index has becomes a part of a path.
  const known = catalogSummaries().some((summary) => summary.type === type);
  return known ? (readJson(`${type}.json`) as CatalogDocument) : null;
}

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, catalogFolder), 'utf8'));
}
