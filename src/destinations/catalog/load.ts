import { loadFromPackage } from './package.ts';
import type { PackageDefinition } from './package-definition.ts';
import { catalogSummaries } from './read.ts';

/**
 * The code of one definition, loaded on first use and kept by Node. For delivery workers, and for what the API asks of
 * a destination itself: lists and forms are answered from the index.
 * @returns null when the package has no such type
 */
export function loadPackageDefinition(type: string): PackageDefinition | null {
  const summary = catalogSummaries().find((one) => one.type === type);
  return typeof summary?.folder === 'string' ? loadFromPackage(summary.folder) : null;
}
