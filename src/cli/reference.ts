import type { Command } from 'commander';
import { examples } from './command.ts';
import { exits, exitTexts } from './failure.ts';

/** The page docs/cli.md: every command, as its definition says it. */
export function reference(program: Command): string {
  const commands = leaves(program);
  return [
    '# Command line',
    'Generated from the command definitions in `src/cli/commands/` by `npm run docs:cli`.',
    '',
    'In a clone `npx reprise …` runs it, or `npm run -s reprise -- …`, or `node scripts/reprise.mjs …` from anywhere; neither needs a build, and an older Node than Reprise needs hands over to the one that `npm start` has installed.',
    '',
    ...program.description().split('\n').slice(2),
    '',
    'What was asked for goes to stdout, everything about it to stderr: progress, warnings, what to do next. A bar is drawn where stderr is a terminal, elsewhere a line is written now and then. `--json` prints JSON: an object, an array for a list, and a line for each state where something is followed.',
    '',
    '## Options of every command',
    ...table(['option', 'meaning'], optionsOf(program)),
    '',
    '## Exit codes',
    ...table(
      ['code', 'meaning'],
      Object.entries(exits).map(([name, code]) => [String(code), exitTexts[name as keyof typeof exits]]),
    ),
    ...commands.flatMap(section),
    '',
  ].join('\n');
}

function leaves(command: Command): Command[] {
  return command.commands.flatMap((child) => (child.commands.length > 0 ? leaves(child) : [child]));
}

function section(command: Command): string[] {
  const options = optionsOf(command);
  const lines = examples(command).map(([line, what]) => `# ${what}\n${line}`);
  return [
    '',
    `## ${pathOf(command)}`,
    `\`${pathOf(command)} ${command.usage()}\`: ${command.description()}.`,
    ...(options.length === 0 ? [] : ['', ...table(['option', 'meaning'], options)]),
    '',
    '```sh',
    ...lines,
    '```',
  ];
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** Those that help shows, without --help itself. */
function optionsOf(command: Command): string[][] {
  const help = command.createHelp();
  const shown = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  return shown.map((option) => [`\`${help.optionTerm(option)}\``, help.optionDescription(option)]);
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)];
}
