import { Command, CommanderError, Option } from 'commander';
import { apiUrl } from './api-url.ts';
import { time } from './arguments.ts';
import type { On, Work } from './command.ts';
import { catalogCommands } from './commands/catalog.ts';
import { completionCommand } from './commands/completion.ts';
import { destinationCommands } from './commands/destination.ts';
import { doctorCommand } from './commands/doctor.ts';
import { eventCommands } from './commands/event.ts';
import { importCommand } from './commands/import.ts';
import { keysCommands } from './commands/keys.ts';
import { notificationCommands } from './commands/notification.ts';
import { processCommands } from './commands/processes.ts';
import { replayCommands } from './commands/replay.ts';
import { sourceCommands } from './commands/source.ts';
import { statusCommand } from './commands/status.ts';
import { tokenCommands } from './commands/token.ts';
import { exits, Failure, type Exit } from './failure.ts';
import { Session, type GlobalOptions, type Terminal } from './session.ts';

const about = 'Every event you ever sent, delivered to any tool you adopt later.';
const where =
  'Where the API and its token are: --api-url and --token, else REPRISE_API_URL and REPRISE_TOKEN, else what `npm start` keeps in ./.reprise, else ~/.config/reprise/config.json with {"apiUrl": "…", "token": "…"}.';

/** In the order of help. */
const commands = [
  processCommands,
  statusCommand,
  doctorCommand,
  replayCommands,
  destinationCommands,
  catalogCommands,
  sourceCommands,
  eventCommands,
  importCommand,
  notificationCommands,
  tokenCommands,
  keysCommands,
  completionCommand,
];

/** All commands of `reprise`. */
export function createProgram(terminal: Terminal, version: string): Command {
  const program = new Command('reprise')
    .description(`${about}\n\n${where}`)
    .version(`reprise ${version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain a command')
    .addOption(new Option('--api-url <url>', 'where the API is').argParser(apiUrl))
    .option(
      '--token <token>',
      'what opens it (other users see it in the list of processes: rather REPRISE_TOKEN)',
    )
    .option('--json', 'print JSON; a line for each state where something is followed')
    .option('-q, --quiet', 'print nothing but what was asked for')
    .option('--no-color', 'no colours; NO_COLOR says the same')
    .option('-y, --yes', 'do not ask')
    .option('--no-input', 'never ask: fail where a question is needed')
    .addOption(new Option('--timeout <time>', 'give up after: 30s, 5m').argParser(time))
    .configureHelp({ showGlobalOptions: true, helpWidth: terminal.stdout.columns ?? 100 })
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
    })
    .showHelpAfterError('(--help explains it)')
    .exitOverride();
  const on: On =
    (work) =>
    async (...given) =>
      await begin(terminal, work as AnyWork, given);
  for (const register of commands) {
    register(program, on);
  }
  return program;
}

type AnyWork = Work<unknown, readonly unknown[]>;

/** Commander gives a command's arguments, then its options, then the command itself. */
async function begin(terminal: Terminal, work: AnyWork, given: readonly unknown[]): Promise<void> {
  const command = given.at(-1) as Command;
  // What a script left unset names nothing, and would be asked for at another address.
  const empty = command.registeredArguments.find((_, place) => command.processedArgs[place] === '');
  if (empty !== undefined) throw new Failure(exits.usage, `The argument <${empty.name()}> is empty.`);
  const session = new Session(command.optsWithGlobals<GlobalOptions>(), terminal);
  await work(session, command.opts(), command.processedArgs);
}

/** The exit code of what commander itself ends with: help and version are what was asked for, all else is a fault of usage. */
export function exitOfUsage(error: CommanderError): Exit {
  return error.exitCode === 0 ? exits.ok : exits.usage;
}
