import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach } from 'vitest';
import { commandOf } from '../../scripts/file-lock.mjs';
import { flagsOf, type ReadyMessage } from '../../src/child-process.ts';

/** A process of Reprise, started as `npm start` starts it. */
export interface StartedProcess {
  readonly process: ChildProcess;
  readonly pid: number;
  /** What it says when it serves. Rejects when it ends before. */
  readonly ready: Promise<ReadyMessage>;
  /** How it ended: exit code, or signal. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** All that it has printed so far. */
  readonly output: () => string;
}

const started = new Set<ChildProcess>();
afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
  started.clear();
});

/** Starts a module as a child with an IPC channel; what a test leaves running is killed after it. */
export function startProcess(
  entry: URL,
  environment: Record<string, string>,
  options: { readonly detached?: boolean; readonly args?: readonly string[] } = {},
): StartedProcess {
  const child = spawn(
    process.execPath,
    [...flagsOf(entry.pathname), entry.pathname, ...(options.args ?? [])],
    {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: options.detached ?? false,
    },
  );
  started.add(child);
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const exited = once(child, 'exit').then(([code, signal]) => {
    started.delete(child);
    return (code ?? signal) as number | NodeJS.Signals;
  });
  const ready = Promise.race([
    once(child, 'message').then(([message]) => message as ReadyMessage),
    exited.then((end) => {
      throw new Error(`it ended (${end}) before it was ready:\n${printed}`);
    }),
  ]);
  ready.catch(() => undefined); // not every test waits for it
  return { process: child, pid: child.pid ?? 0, ready, exited, output: () => printed };
}

/** Whether a process runs; one that has ended but was not yet collected does not. */
export function isRunning(pid: number): boolean {
  return commandOf(pid) !== null;
}
