import type { PackageDefinition } from '../package-definition.ts';
import { require } from './seal.ts';

interface Given {
  readonly settings: unknown;
  readonly payload: unknown;
  readonly statsContext: unknown;
  readonly logger: unknown;
  readonly signal: unknown;
}
type Send = (
  settings: unknown,
  payloads: readonly unknown[],
  statsContext: unknown,
  logger: unknown,
  signal: unknown,
) => Promise<unknown>;
type Perform = (request: unknown, given: Given) => Promise<unknown>;

/**
 * Kinesis answers success for a request and says of each record whether it was taken. The definition reads that, and its
 * actions throw it away: records that were refused would count as delivered.
 */
function mendedKinesis(definition: PackageDefinition): PackageDefinition {
  const { send } = require('@segment/action-destinations/dist/destinations/aws-kinesis/utils') as {
    readonly send: Send;
  };
  const all = async ({ settings, statsContext, logger, signal }: Given, payloads: readonly unknown[]) =>
    await send(settings, payloads, statsContext, logger, signal);
  const action = {
    ...definition.actions['send']!,
    perform: (_: unknown, given: Given) => all(given, [given.payload]),
    performBatch: (_: unknown, given: Given) => all(given, given.payload as readonly unknown[]),
  };
  return { ...definition, actions: { ...definition.actions, send: action } };
}

/** A row that is written alone stands three times in its file: the definition's code for one event repeats it. */
function mendedCsv(definition: PackageDefinition): PackageDefinition {
  const known = definition.actions['syncAudienceToCSV']!;
  const { performBatch } = known as { readonly performBatch: Perform };
  const perform: Perform = (request, given) => performBatch(request, { ...given, payload: [given.payload] });
  return { ...definition, actions: { ...definition.actions, syncAudienceToCSV: { ...known, perform } } };
}

const mends: Readonly<Record<string, (definition: PackageDefinition) => PackageDefinition>> = {
  'aws-kinesis': mendedKinesis,
  'aws-s3': mendedCsv,
};

/** A definition of the package, with what is wrong in its code put right where it would tell a failure as a success, or write twice. */
export function mended(folder: string, definition: PackageDefinition): PackageDefinition {
  return mends[folder]?.(definition) ?? definition;
}
