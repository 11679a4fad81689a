import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { PackagePlace } from './describe.ts';
import type { PackageDefinition } from './package-definition.ts';

// The package is CommonJS throughout.
const require = createRequire(import.meta.url);
const folderOfDefinitions = 'dist/destinations';

/** The file of a definition in the package. */
export function fileOfDefinition(folder: string): string {
  return join(packageFolder(), folderOfDefinitions, folder, 'index.js');
}

/**
 * Loads one definition and what it requires, nothing else: the package's own index would load all 214.
 * @param folder as the index of the catalog has it
 */
export function loadFromPackage(folder: string): PackageDefinition {
  if (!/^[\w-]+$/.test(folder)) throw new Error('no folder of a definition');
  const exported = require(fileOfDefinition(folder)) as { default: PackageDefinition };
  return exported.default;
}

/** Every definition that the package registers, without loading any: read from the text of its index. */
export function placesInPackage(): PackagePlace[] {
  const index = readFileSync(join(packageFolder(), folderOfDefinitions, 'index.js'), 'utf8');
  const registered = index.matchAll(/^register\('([\da-f]+)', '\.\/([\w-]+)'\);$/gm);
  return [...registered].map(([, segmentId = '', folder = '']) => ({ segmentId, folder }));
}

/** The version of the package that is installed. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

function packageFolder(): string {
  return dirname(require.resolve('@segment/action-destinations/package.json'));
}
