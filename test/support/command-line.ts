import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { until } from './until.ts';

/** How a command line ended, and what it said where. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Waits until it has said something. */
  says(what: RegExp): Promise<void>;
  /** Types into its terminal. */
  type(text: string): void;
}

export interface CommandLine {
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Running;
  /** On a terminal of its own, of so many columns; all that it says is in stdout. */
  onTerminal(args: readonly string[], columns: number): Running;
  /** In a pipe of bash, which fails when any part of it does; `reprise` is the command. */
  shell(script: string): Promise<Ended>;
}

const entry = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

/** The command line against an API. @param cwd where it runs: what is kept there in .reprise must not matter */
export function commandLine(apiUrl: string, token: string, cwd: string): CommandLine {
  const environment = {
    ...process.env,
    NO_COLOR: '1',
    REPRISE_API_URL: apiUrl,
    REPRISE_TOKEN: token,
    REPRISE_DATA_DIR: '',
    TERM: 'xterm',
  };
  const launch = (command: string, args: readonly string[], env = {}) =>
    follow(spawn(command, args, { cwd, env: { ...environment, ...env }, stdio: ['pipe', 'pipe', 'pipe'] }));
  const start: CommandLine['start'] = (args, env) => launch(process.execPath, [entry, ...args], env);
  return {
    start,
    run: (args, env) => start(args, env).ended,
    onTerminal: (args, columns) => {
      const quoted = [process.execPath, entry, ...args].map((part) => `'${part}'`).join(' ');
      return launch('script', ['-qefc', `stty cols ${columns}; exec ${quoted}`, '/dev/null']);
    },
    shell: (script) => {
      const define = `set -o pipefail; reprise() { '${process.execPath}' '${entry}' "$@"; }`;
      return launch('bash', ['-c', `${define}; ${script}`]).ended;
    },
  };
}

function follow(child: ChildProcess): Running {
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child);
    return { code: code as number | null, stdout, stderr };
  });
  return {
    child,
    ended,
    says: async (what) =>
      void (await until(
        `it says ${what.source}`,
        () => stdout + stderr,
        (said) => what.test(said),
      )),
    type: (text) => void child.stdin?.write(text),
  };
}
