import type { Command } from 'commander';

/** Shells that a script can be made for. */
export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** One command with what may stand behind it. */
interface Place {
  /** The words that lead to it: `replay create`. */
  readonly path: string;
  readonly words: readonly string[];
}

/** A script for a shell that completes commands, options and their choices. */
export function completionScript(program: Command, shell: Shell): string {
  const places = placesOf(program, program, '');
  if (shell === 'fish') return fish(places);
  const bash = forBash(places);
  return shell === 'bash' ? bash : `autoload -U +X bashcompinit && bashcompinit\n${bash}`;
}

function placesOf(program: Command, command: Command, path: string): Place[] {
  const help = command.createHelp();
  const options = [
    ...help.visibleOptions(command),
    ...(command === program ? [] : help.visibleOptions(program)),
  ];
  const flags = new Set(options.flatMap(({ long }) => (long === undefined || long === null ? [] : [long])));
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const own = { path, words: [...command.commands.map((child) => child.name()), ...choices, ...flags] };
  return [
    own,
    ...command.commands.flatMap((child) => placesOf(program, child, `${path} ${child.name()}`.trim())),
  ];
}

/** The words before the cursor that are no options are the path, as long as there is such a command. */
function forBash(places: readonly Place[]): string {
  const cases = places.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`);
  return `_reprise() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" path='' words='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " ${places.map(({ path }) => path.replaceAll(' ', '/')).join(' ')} " in
      *" \${path:+$path/}$word "*) path="\${path:+$path/}$word" ;;
    esac
  done
  case "\${path//\\// }" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _reprise reprise`;
}

function fish(places: readonly Place[]): string {
  const line = ({ path, words }: Place) => {
    const names = path === '' ? [] : path.split(' ');
    const seen = names.map((name) => `__fish_seen_subcommand_from ${name}`);
    const next = words.filter((word) => !word.startsWith('-'));
    const none = next.length === 0 ? [] : [`not __fish_seen_subcommand_from ${next.join(' ')}`];
    const condition = [...seen, ...none].join('; and ') || 'true';
    const options = words
      .filter((word) => word.startsWith('--'))
      .map((word) => `complete -c reprise -n '${seen.join('; and ') || 'true'}' -l ${word.slice(2)}`);
    return [
      ...(next.length === 0 ? [] : [`complete -c reprise -f -n '${condition}' -a '${next.join(' ')}'`]),
      ...options,
    ].join('\n');
  };
  return places.map(line).join('\n');
}
