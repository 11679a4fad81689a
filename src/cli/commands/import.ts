import { Argument, Option } from 'commander';
import { eventTypes } from '../../core/event.ts';
import { texts } from '../arguments.ts';
import { withExamples, type Register } from '../command.ts';
import { Failure } from '../failure.ts';
import { named } from '../names.ts';
import { Refusal } from '../refusal.ts';
import type { Session } from '../session.ts';
import type { ImportWithErrors, Source } from '../shapes.ts';
import { facts } from '../table.ts';
import { count, duration, plain } from '../texts.ts';
import { openUpload, uploadAll } from '../upload.ts';

/** As many rows that were not accepted are told; `--json` has all that the answer names. */
const shownErrors = 10;

interface ImportOptions {
  readonly source: string;
  readonly format?: string;
  readonly type?: string;
  readonly map?: readonly string[];
  readonly name?: string;
  readonly key?: string;
}

/** Bringing history in from a file. */
export const importCommand: Register = (parent, on) => {
  withExamples(
    parent
      .command('import')
      .addArgument(new Argument('<file>', 'NDJSON or CSV, plain or gzip; - reads stdin'))
      .description('archive a file of history; the same file sent again goes on where it broke off')
      .requiredOption('--source <source>', 'name or id of the source that it is archived for')
      .addOption(new Option('--format <format>', 'told by the file unless given').choices(['ndjson', 'csv']))
      .addOption(
        new Option('--type <type>', 'CSV: the kind of call that every row is').choices([...eventTypes]),
      )
      .addOption(
        new Option(
          '--map <column:place>',
          'CSV: where a column goes, such as Total:properties.total:number; may be repeated',
        ).argParser(texts),
      )
      .option('--name <name>', 'what people know it by; the file’s name unless given')
      .option('--key <key>', 'names the import, so that it goes on; told by the file unless given')
      .action(on(importFile)),
    ['reprise import orders.ndjson.gz --source shop', 'Call it again when it broke off'],
    [
      'reprise import sales.csv --source shop --type track --map Product:event --map Customer:userId',
      'A table',
    ],
    ['zcat old/*.gz | reprise import - --source shop --key old-archive', 'From a pipe'],
  );
};

async function importFile(
  session: Session,
  options: ImportOptions,
  [file = '']: readonly string[],
): Promise<void> {
  const { out } = session;
  const upload = await openUpload(file, session.terminal.stdin);
  const source = await named<Source>(session.api, 'source', options.source);
  const { format, type, map } = options;
  const told = JSON.stringify([source.id, format, type, map]);
  const key = options.key ?? upload.keyFor(told);
  const began = performance.now();
  const done = await uploadAll<ImportWithErrors>(session, upload, {
    path: '/api/imports',
    query: { sourceId: source.id, name: options.name ?? upload.name ?? undefined, format, type, map },
    headers: key === null ? {} : { 'idempotency-key': key },
  }).catch((error: unknown) => {
    throw inOptions(error);
  });
  if (out.json) return out.document(done);
  out.data(facts(factsOf(done, (performance.now() - began) / 1_000), out.width));
  for (const { line, code, message, remedy } of done.errors.slice(0, shownErrors)) {
    out.warn(plain(`line ${count(line)}: ${message} (${code}) ${remedy}`));
  }
  if (done.rejected > shownErrors)
    out.say(`${count(done.rejected)} rows were not accepted; GET /api/rejected lists them all.`);
  if (done.streamsBehind.length > 0)
    out.warn('Some streams have not passed it yet: a replay that is started now ends before it.');
  out.say('Next: reprise replay create --destination <name> --watch');
}

/** What the API says of its parameters, said of the options that fill them. */
function inOptions(error: unknown): unknown {
  if (!(error instanceof Refusal) || error.code !== 'unreadable_file') return error;
  const hints = error.hints.map((hint) => hint.replaceAll(/\b(map|type)=/g, '--$1 '));
  return new Failure(error.exit, error.message, hints);
}

function factsOf(done: ImportWithErrors, seconds: number): [string, string][] {
  return [
    ['Import', done.id],
    ['Status', `${done.status} in ${duration(seconds)}`],
    ['Lines', count(done.lines)],
    ['New', count(done.appended)],
    ['Duplicates', count(done.duplicates)],
    ['Rejected', count(done.rejected)],
  ];
}
