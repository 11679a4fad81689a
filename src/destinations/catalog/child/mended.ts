import { randomBytes } from 'node:crypto';
import type { PackageDefinition } from '../package-definition.ts';
import { mendedKafka } from './mended-kafka.ts';
import { require } from './seal.ts';
import { mendUploads } from './sftp-upload.ts';

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

interface FileGiven<Payload> {
  readonly settings: object;
  readonly payload: Payload;
}
interface FilePayload {
  readonly filename_prefix: string;
  readonly file_extension: string;
}
type PerformFile = (request: unknown, given: object) => unknown;

/**
 * Names its file by the millisecond: of two calls within one, the second would write over the first's file, and its
 * events would be gone after they counted as delivered. So each call has a mark of its own in its file's name. Its strategy
 * `concurrent` does not wait for the file to be closed, which is when many servers put it where it belongs: a failure of
 * that would count as delivered. So files are always written the other way.
 */
function mendedSftp(definition: PackageDefinition): PackageDefinition {
  mendUploads();
  const marked = (payload: FilePayload): FilePayload => {
    const { filename_prefix: prefix, file_extension: extension } = payload;
    const mark = randomBytes(6).toString('hex');
    const end = `.${extension}`;
    const stem = prefix.endsWith(end) ? prefix.slice(0, -end.length) : prefix;
    return { ...payload, filename_prefix: stem === '' ? mark : `${stem}_${mark}` };
  };
  const closing = ({ settings }: { readonly settings: object }) => ({
    ...settings,
    uploadStrategy: 'standard',
  });
  const actions = Object.entries(definition.actions).map(([name, action]) => {
    const { perform, performBatch } = action as unknown as Readonly<Record<string, PerformFile>>;
    const one = async (request: unknown, given: FileGiven<FilePayload>) =>
      await perform!(request, { ...given, settings: closing(given), payload: marked(given.payload) });
    const all = async (request: unknown, given: FileGiven<readonly FilePayload[]>) =>
      await performBatch!(request, {
        ...given,
        settings: closing(given),
        payload: given.payload.map(marked),
      });
    return [name, { ...action, perform: one, performBatch: all }];
  });
  return { ...definition, actions: Object.fromEntries(actions) as PackageDefinition['actions'] };
}

/** Its mails are read with cheerio as a default export, which the version that is installed does not have any more. */
function mendedMails(definition: PackageDefinition): PackageDefinition {
  const path = require.resolve('cheerio', { paths: [require.resolve('@segment/action-destinations')] });
  const cheerio = require(path) as { default?: unknown };
  cheerio.default ??= cheerio;
  return definition;
}

const mends: Readonly<Record<string, (definition: PackageDefinition) => PackageDefinition>> = {
  'aws-kinesis': mendedKinesis,
  'aws-s3': mendedCsv,
  'engage-messaging-sendgrid': mendedMails,
  kafka: mendedKafka,
  sftp: mendedSftp,
};

/**
 * A definition of the package, with what is wrong in its code put right where it would tell a failure as a success, write
 * twice, lose what it was given, or never work.
 */
export function mended(folder: string, definition: PackageDefinition): PackageDefinition {
  return mends[folder]?.(definition) ?? definition;
}
