import { Command } from 'commander';
import type { Session } from './session.ts';

/** What a command does, with its options and the arguments that stand beside them, as their parsers made them. */
export type Work<Options, Args = readonly string[]> = (
  session: Session,
  options: Options,
  args: Args,
) => Promise<void>;

/** Makes what commander calls of what a command does. */
export type On = <Options, Args = readonly string[]>(
  work: Work<Options, Args>,
) => (...given: unknown[]) => Promise<void>;

/** Adds commands below another one. */
export type Register = (parent: Command, on: On) => void;

/** An example of a command and what it is for. */
export type Example = readonly [line: string, what: string];

const examplesOf = new WeakMap<Command, readonly Example[]>();

/** Adds examples to the help of a command, and to the reference. */
export function withExamples(command: Command, ...examples: Example[]): Command {
  examplesOf.set(command, examples);
  const lines = examples.map(([line, what]) => `  # ${what}\n  $ ${line}`);
  return command.addHelpText(
    'after',
    `\n${examples.length === 1 ? 'Example' : 'Examples'}:\n${lines.join('\n')}`,
  );
}

/** The examples of a command. */
export function examples(command: Command): readonly Example[] {
  return examplesOf.get(command) ?? [];
}
