import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = fileURLToPath(new URL('../../../node_modules/.cache/sdks/', import.meta.url));
const goModule = fileURLToPath(new URL('go', import.meta.url));
/** How long a package may take to come before it counts as not to be had; milliseconds. */
const fetchMs = 40_000;
const buildMs = 240_000;

/** Why something is not on this machine and cannot be fetched. */
export interface Missing {
  readonly missing: string;
}

export function isMissing(what: unknown): what is Missing {
  return typeof what === 'object' && what !== null && 'missing' in what;
}

/**
 * Installs a Python package into a folder of its own, kept for the next time: Customer.io's two have modules of one
 * name, and Python's own packages stay as they are.
 * @returns the folder
 */
export async function pythonPackage(name: string, version: string): Promise<string | Missing> {
  const asked = 'import sys, pip; print("%d.%d" % sys.version_info[:2])';
  const python = await attempt('python3', ['-c', asked], 10_000);
  if (isMissing(python)) return { missing: `python3 with pip is not there: ${python.missing}` };
  const folder = join(cache, `python${python.trim()}-${name}-${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, 'new-'));
  const quiet = ['--quiet', '--disable-pip-version-check', '--no-input', '--root-user-action', 'ignore'];
  const quick = ['--only-binary=:all:', '--timeout', '5', '--retries', '1'];
  const pinned = `${name}==${version}`;
  const pip = ['-m', 'pip', 'install', ...quiet, ...quick, '--target', fresh, pinned];
  const installed = await attempt('python3', pip, fetchMs);
  try {
    if (!isMissing(installed) && !existsSync(folder)) renameSync(fresh, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error; // else another process was faster
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return isMissing(installed) ? { missing: `${pinned} is not to be had: ${installed.missing}` } : folder;
}

/**
 * Builds the Go programs beside this file: bin/client and bin/values.
 * @param folder an empty one, where a module of ours and its programs are to stand
 * @throws when they do not build
 */
export async function goPrograms(folder: string): Promise<null | Missing> {
  cpSync(goModule, folder, { recursive: true });
  const fetched = await attempt('go', ['mod', 'download'], fetchMs, goOptions(folder));
  if (isMissing(fetched)) return { missing: `Go or its SDK is not to be had: ${fetched.missing}` };
  await run('go', ['build', '-o', join(folder, 'bin') + sep, './...'], {
    ...goOptions(folder),
    timeout: buildMs,
  });
  return null;
}

/** Runs the lines of a Go function that returns an error, in a module that `goPrograms` has made. */
export async function runGo(folder: string, lines: string): Promise<void> {
  const example = mkdtempSync(join(folder, 'example-'));
  writeFileSync(join(example, 'main.go'), goProgram(lines));
  await run('go', ['run', example], { ...goOptions(folder), timeout: buildMs });
}

/** The user's own caches, so that a repeat is quick; nothing else of his settings, and no other toolchain. */
function goOptions(cwd: string) {
  const own = { GOFLAGS: '-mod=readonly', GOWORK: 'off', GOTOOLCHAIN: 'local', CGO_ENABLED: '0' };
  return { cwd, env: { ...process.env, ...own } };
}

function goProgram(lines: string): string {
  return `package main

import (
	"log"

	"github.com/segmentio/analytics-go/v3"
)

func main() {
	if err := example(); err != nil {
		log.Fatal(err)
	}
}

func example() error {
${lines}}
`;
}

/** What a command prints, or why it fails, in a line. */
async function attempt(
  command: string,
  args: readonly string[],
  timeout: number,
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string | Missing> {
  try {
    return (await run(command, args, { ...options, timeout })).stdout;
  } catch (error) {
    const { killed, stderr, message } = error as Error & { killed?: boolean; stderr?: string };
    if (killed === true) return { missing: `nothing came within ${timeout / 1_000} s` };
    return { missing: (stderr?.trim() || message).split('\n').at(-1) ?? '' };
  }
}
