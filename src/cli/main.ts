// `reprise`: the command line.
import { readFileSync } from 'node:fs';
import { CommanderError, type Command } from 'commander';
import { ConfigError } from '../config.ts';
import { exits, Failure, type Exit } from './failure.ts';
import { createProgram, exitOfUsage } from './program.ts';

// Who reads may stop reading, as `| head` does: nothing is wrong then.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(exits.ok);
});

process.exitCode = await run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<Exit> {
  try {
    const program = createProgram(process, ownVersion());
    await program.parseAsync(upToUnknown(program, withHelpLast(args)), { from: 'user' });
    return (process.exitCode as Exit | undefined) ?? exits.ok;
  } catch (error) {
    if (error instanceof CommanderError) return exitOfUsage(error);
    if (error instanceof ConfigError) return tell(new Failure(exits.usage, error.message));
    if (error instanceof Failure) return tell(error);
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return tell(new Failure(exits.error, `This is a fault of reprise itself: ${told}`));
  }
}

/** `help replay create` as `replay create --help`: commander's own `help` takes one word and drops the others. */
function withHelpLast(args: readonly string[]): readonly string[] {
  return args[0] === 'help' && args.length > 2 ? [...args.slice(1), '--help'] : args;
}

/** Without what follows a command that there is not: `nope --help` would be answered with the help of what lies above. */
function upToUnknown(program: Command, args: readonly string[]): readonly string[] {
  let known = program;
  for (const [index, name] of args.entries()) {
    if (name.startsWith('-') || known.commands.length === 0 || name === 'help') return args;
    const next = known.commands.find((one) => one.name() === name || one.aliases().includes(name));
    if (next === undefined) return args.slice(0, index + 1);
    known = next;
  }
  return args;
}

function tell({ message, hints, exit }: Failure): Exit {
  if (message !== '')
    process.stderr.write([`error: ${message}`, ...hints.map((hint) => `  ${hint}`), ''].join('\n'));
  return exit;
}

function ownVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
