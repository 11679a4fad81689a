import { Argument } from 'commander';
import { withExamples, type Register } from '../command.ts';
import { completionScript, shells, type Shell } from '../completion.ts';

/** Completion by the shell. */
export const completionCommand: Register = (program, on) => {
  withExamples(
    program
      .command('completion')
      .addArgument(new Argument('<shell>', 'which shell').choices([...shells]))
      .description('print a script that completes commands and options')
      .action(
        on((session, _, [shell = '']) =>
          Promise.resolve(session.out.data(completionScript(program, shell as Shell))),
        ),
      ),
    [
      'eval "$(reprise completion bash)"',
      'Here and now; in ~/.bashrc for ever. It completes a command that is called `reprise`',
    ],
  );
};
