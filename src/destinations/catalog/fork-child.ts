import { fork, type ChildProcess } from 'node:child_process';

/** From Node 25 on a process with permissions needs this one to connect to its parent's relays. Its network is closed by `seal.ts`. */
const relayFlags = process.allowedNodeEnvironmentFlags.has('--allow-net') ? ['--allow-net'] : [];

/** AsyncLocalStorage, by which requests are known as those of a job, makes each promise dearer but in this form, the rule from Node 24 on. */
const asyncContextFlag = '--experimental-async-context-frame';

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
    // Clients of AWS would ask the machine itself for credentials, at an address that nobody may dial.
    env: { NODE_ENV: 'production', TZ: 'UTC', AWS_EC2_METADATA_DISABLED: 'true', ...environment },
    execArgv: [
      '--permission',
      '--allow-fs-read=*',
      asyncContextFlag,
      ...relayFlags,
      ...flags,
      '--no-warnings',
    ],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}
