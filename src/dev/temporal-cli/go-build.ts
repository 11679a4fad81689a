import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fetchedVersion } from './version.ts';

const run = promisify(execFile);
const timeoutMs = 3_600_000;

// `go install` refuses a main module with a replace, so a module of our own repeats that replace.
const module = `module scratch

go 1.26.4

require github.com/temporalio/cli v${fetchedVersion}

replace github.com/temporalio/cli/cliext => github.com/temporalio/cli/cliext v0.0.0-20260731000218-c579925f193f
`;

/** Builds the CLI from source in `folder`, and gives back its path. Minutes of work; Go's checksum database vouches for it. */
export async function buildCli(folder: string, stopping: AbortSignal): Promise<string> {
  await run('go', ['version']).catch(() => {
    throw new Error('there is no Go');
  });
  writeFileSync(join(folder, 'go.mod'), module);
  const flags = `-s -w -X github.com/temporalio/cli/internal/temporalcli.Version=${fetchedVersion}`;
  const built = join(folder, 'temporal');
  await run(
    'go',
    [
      'build',
      '-mod=mod',
      '-trimpath',
      '-ldflags',
      flags,
      '-o',
      built,
      'github.com/temporalio/cli/cmd/temporal',
    ],
    { cwd: folder, timeout: timeoutMs, signal: stopping, maxBuffer: 16 * 1024 * 1024 },
  );
  return built;
}
