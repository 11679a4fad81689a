import { readFileSync } from 'node:fs';
import type { CatalogDocument } from './document.ts';
import { summaryOf, type CatalogSummary } from './summary.ts';

/** Where the generated files are, beside `src` as beside `dist`. */
export const catalogFolder = new URL('../../../assets/catalog/', import.meta.url);

interface Index {
  readonly environment: readonly string[];
  readonly definitions: readonly CatalogSummary[];
}

let generated: Index | undefined;
let summaries: readonly CatalogSummary[] | undefined;
/** Of this deployment's own definitions, by type. */
const added = new Map<string, CatalogDocument>();

/** All types, as a list shows them: ours and the deployment's, then those of the package. Read once. */
export function catalogSummaries(): readonly CatalogSummary[] {
  summaries ??= index().definitions;
  return summaries;
}

/** Takes definitions into this process' catalog that were described when it started. */
export function addToCatalog(documents: readonly CatalogDocument[]): void {
  for (const document of documents) added.set(document.type, document);
  summaries = [...documents.map(summaryOf), ...catalogSummaries()];
}

/** Everything about one type; null when the catalog does not have it. */
export function readCatalogDocument(type: string): CatalogDocument | null {
  const own = added.get(type);
  if (own !== undefined) return own;
  // Only a name that the index has becomes a part of a path.
  const known = catalogSummaries().some((summary) => summary.type === type);
  return known ? (readJson(`${type}.json`) as CatalogDocument) : null;
}

/** Environment variables that some definition's code reads: what its service gives to whoever integrates it, mostly. */
export function catalogEnvironment(): readonly string[] {
  return index().environment;
}

function index(): Index {
  return (generated ??= readJson('index.json') as Index);
}

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, catalogFolder), 'utf8'));
}
