import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The Temporal CLI that Reprise fetches; it holds the server (1.31.2) and its UI (2.50.1). */
export const fetchedVersion = '1.8.2';

/** The oldest CLI of the machine's own that will do: `start-dev` has the options used here from 1.8 on. */
const oldest = { major: 1, minor: 8 };

/** A Temporal CLI that can run here. */
export interface TemporalCli {
  /** A path, or a name on the PATH. */
  readonly command: string;
  readonly version: string;
}

/** Asks a CLI for its version. @throws when it does not run or is too old, saying which. */
export async function inspectCli(command: string): Promise<TemporalCli> {
  const { stdout } = await run(command, ['--version'], { timeout: 20_000 }).catch(
    (error: NodeJS.ErrnoException) => {
      throw new Error(
        error.code === 'ENOENT' ? 'there is none' : `it does not run (${error.message.trim()})`,
      );
    },
  );
  const [, version, major, minor] = /temporal version ((\d+)\.(\d+)\.\S+)/.exec(stdout) ?? [];
  if (version === undefined) throw new Error(`it calls itself "${stdout.trim().slice(0, 80)}"`);
  const tooOld =
    Number(major) < oldest.major || (Number(major) === oldest.major && Number(minor) < oldest.minor);
  if (tooOld) throw new Error(`it is ${version}; ${oldest.major}.${oldest.minor} or newer is needed`);
  return { command, version };
}
