import { require } from './seal.ts';

/** A message of the fetch that the catalog's framework is built on. */
export interface OriginalMessage {
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  readonly body: unknown;
  arrayBuffer(): Promise<ArrayBuffer>;
  clone(): OriginalMessage;
}

/** That fetch (`cross-fetch`, which is node-fetch), as its package has it. */
interface OriginalFetch {
  readonly Request: new (input: unknown, init?: unknown) => OriginalMessage;
  readonly Response: new (body: unknown) => OriginalMessage;
}

/** Where the framework finds it. */
export const originalPath = require.resolve('cross-fetch', {
  paths: [require.resolve('@segment/actions-core')],
});

/** What it is asked for: URLs and bodies of kinds that are rare. */
export const original = require(originalPath) as OriginalFetch;
