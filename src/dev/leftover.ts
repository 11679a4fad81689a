import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandOf } from '../../scripts/file-lock.mjs';

const pollMs = 20;

/**
 * Writes down a process that would live on if this one were killed, so that the next start finds it. Its command line
 * goes with its pid, since a pid alone may have become another program's by then.
 */
export function rememberProcess(file: string, pid: number): void {
  writeFileSync(file, JSON.stringify({ pid, command: commandOf(pid) }), { mode: 0o600 });
}

export function forgetProcess(file: string): void {
  rmSync(file, { force: true });
}

/**
 * Ends the process that was written down in `file` if it still runs: by `signal`, and by SIGKILL when it takes longer
 * than `deadlineMs`. Gives back whether one ran.
 */
export async function stopLeftover(
  file: string,
  signal: NodeJS.Signals,
  deadlineMs: number,
): Promise<boolean> {
  const noted = readNote(file);
  const runs = noted !== null && commandOf(noted.pid) === noted.command;
  if (runs) await stopProcess(noted.pid, signal, deadlineMs);
  forgetProcess(file);
  return runs;
}

/** Ends a process of ours by its pid and waits until it is gone. */
export async function stopProcess(pid: number, signal: NodeJS.Signals, deadlineMs: number): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  kill(pid, signal);
  while (commandOf(pid) !== null) {
    if (performance.now() > deadline) kill(pid, 'SIGKILL');
    await sleep(pollMs);
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // ESRCH: it ended by itself
  }
}

function readNote(file: string): { readonly pid: number; readonly command: string } | null {
  try {
    const note: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isNote(note) ? note : null;
  } catch {
    return null; // none was written, or its writer was killed while writing
  }
}

function isNote(value: unknown): value is { pid: number; command: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'pid' in value &&
    typeof value.pid === 'number' &&
    'command' in value &&
    typeof value.command === 'string'
  );
}
