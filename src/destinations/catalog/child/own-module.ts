import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { require } from './seal.ts';

let hooked = false;

/**
 * Imports a definition of a deployment's own. What it imports of the catalog's framework is the one that runs it, so its
 * folder needs no packages, and an error that it throws is known by its class.
 * @throws what its module throws
 */
export async function importOwn(file: string): Promise<{ readonly default?: unknown }> {
  if (!hooked) {
    registerHooks({
      resolve: (name, context, next) =>
        name === '@segment/actions-core'
          ? { url: pathToFileURL(require.resolve(name)).href, format: 'commonjs', shortCircuit: true }
          : next(name, context),
    });
    hooked = true;
  }
  return (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
}
