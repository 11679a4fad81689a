import { writeFile } from 'node:fs/promises';
import { Option } from 'commander';
import { withExamples, type Register } from '../command.ts';
import { exits, Failure } from '../failure.ts';
import { pathOfReplay, replayArgument } from '../replay-meant.ts';
import type { Session } from '../session.ts';

interface ReportOptions {
  readonly format?: 'markdown' | 'csv' | 'json';
  readonly output?: string;
}

/** What became of a replay, for whoever asks later. */
export const replayReport: Register = (replay, on) => {
  withExamples(
    replay
      .command(`report ${replayArgument}`)
      .description('tell what became of a replay: what was asked, where every event ended and why')
      .addOption(
        new Option('--format <format>', 'markdown unless said; json with --json').choices([
          'markdown',
          'csv',
          'json',
        ]),
      )
      .option('-o, --output <file>', 'write it there')
      .action(on(report)),
    ['reprise replay report 2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914', 'For a ticket'],
    [
      'reprise replay report 2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914 --format csv -o report.csv',
      'A fact in each row, for a table',
    ],
  );
};

async function report(
  session: Session,
  { format = session.out.json ? 'json' : 'markdown', output }: ReportOptions,
  [id = '']: readonly string[],
): Promise<void> {
  const text = await session.api.text(`${await pathOfReplay(session.api, id)}/report`, { query: { format } });
  if (output === undefined) return session.out.data(text.trimEnd());
  try {
    await writeFile(output, text.endsWith('\n') ? text : `${text}\n`);
  } catch (error) {
    throw new Failure(exits.error, `The report cannot be written: ${(error as Error).message}`);
  }
  session.out.say(`The report is in ${output}.`);
}
