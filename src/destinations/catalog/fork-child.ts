import { fork, type ChildProcess } from 'node:child_process';

/**
 * Starts a module of `child/` as a process that runs definitions' code: it writes no file and starts nothing, and knows of
 * the environment only what it is given.
 */
export function forkChild(
  name: string,
  given: {
    readonly args?: readonly string[];
    readonly environment?: NodeJS.ProcessEnv;
    readonly flags?: readonly string[];
  },
): ChildProcess {
  const { args = [], environment = {}, flags = [] } = given;
  return fork(new URL(`child/${name}${import.meta.filename.slice(-3)}`, import.meta.url), args, {
    serialization: 'advanced',
    env: { NODE_ENV: 'production', TZ: 'UTC', ...environment },
    execArgv: ['--permission', '--allow-fs-read=*', ...flags, '--no-warnings'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}
