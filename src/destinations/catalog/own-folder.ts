import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ReplayProfile } from '../replay-profile.ts';
import { completed } from './complete.ts';
import type { CatalogDocument, DescribedDefinition } from './document.ts';
import { forkChild } from './fork-child.ts';
import { addToCatalog, catalogSummaries } from './read.ts';

/** What a file of the folder turned out to be. */
export type DescribedFile =
  | { readonly file: string; readonly ok: true; readonly definition: DescribedDefinition }
  | { readonly file: string; readonly ok: false; readonly faults: readonly string[] };

/** Definitions of the deployment's own cannot be used; the message names every file with what is wrong. */
class OwnDefinitionsError extends Error {
  override readonly name = 'OwnDefinitionsError';
}

/** A file that does nothing but wait keeps nobody from starting for longer. */
const describeMs = 30_000;
const entries = ['index.ts', 'index.mts', 'index.js', 'index.mjs'];

/**
 * Takes the deployment's own definitions into the catalog of this process: each folder in `folder` that has an `index.ts`
 * (or `.js`) whose default export is a definition, and a `replay-profile.json` if it likes. Their code is run by children
 * alone, here as when events are sent.
 * @throws OwnDefinitionsError
 */
export async function addOwnDefinitions(folder: string | undefined): Promise<void> {
  if (folder === undefined) return;
  const files = filesIn(resolve(folder));
  if (files.length === 0) return;
  const faults: string[] = [];
  const documents: CatalogDocument[] = [];
  for (const described of await describeFiles(files)) {
    const read = described.ok ? documentOf(described) : described.faults;
    if (!Array.isArray(read)) documents.push(read as CatalogDocument);
    else faults.push(...read.map((fault) => `  ${described.file}: ${fault}`));
  }
  faults.push(...sameTypes(documents));
  if (faults.length > 0)
    throw new OwnDefinitionsError(`Definitions of destinations cannot be used:\n${faults.join('\n')}`);
  addToCatalog(documents);
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) {
    throw new OwnDefinitionsError(`REPRISE_DESTINATIONS names ${folder}, which is not there.`);
  }
  return readdirSync(folder)
    .toSorted()
    .flatMap((name) => {
      const file = entries.map((entry) => join(folder, name, entry)).find((path) => existsSync(path));
      return file === undefined ? [] : [file];
    });
}

async function describeFiles(files: readonly string[]): Promise<readonly DescribedFile[]> {
  const child = forkChild('describe-main', { args: files });
  const overdue = setTimeout(() => child.kill('SIGKILL'), describeMs);
  try {
    return await new Promise<readonly DescribedFile[]>((told, failed) => {
      child.on('message', (message) => told(message as readonly DescribedFile[]));
      child.on('error', failed);
      child.on('exit', (code, signal) => {
        const how = signal === 'SIGKILL' ? 'they take too long to load' : `exit code ${code}`;
        failed(
          new OwnDefinitionsError(`Definitions of destinations cannot be read (${how}): ${files.join(', ')}`),
        );
      });
    });
  } finally {
    clearTimeout(overdue);
  }
}

function documentOf({
  file,
  definition,
}: Extract<DescribedFile, { ok: true }>): CatalogDocument | readonly string[] {
  const place = join(dirname(file), 'replay-profile.json');
  if (!existsSync(place)) return completed(definition, null, true);
  const parsed = ReplayProfile.safeParse(readJson(place));
  if (!parsed.success) {
    return parsed.error.issues.map(
      ({ path, message }) => `replay-profile.json: ${path.join('.')}: ${message}`,
    );
  }
  if (parsed.data.type !== definition.type) return [`replay-profile.json: is of "${parsed.data.type}"`];
  return completed(definition, parsed.data, true);
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/** Two of a kind: nobody would know which one a destination is. */
function sameTypes(documents: readonly CatalogDocument[]): string[] {
  const known = new Set(catalogSummaries().map(({ type }) => type));
  return documents.flatMap(({ type, folder }) => {
    const taken = known.has(type);
    known.add(type);
    return taken ? [`  ${folder}: slug: the catalog has "${type}" already; take another one`] : [];
  });
}
