import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { flagsOf } from '../../src/child-process.ts';
import { until } from '../support/until.ts';

/** A process of Reprise that is started again whenever it ends, as `npm start` does. */
export interface Role {
  readonly name: string;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  /** How long the process that started last took until it served; milliseconds. */
  readonly bootMs: number;
  /** Ends the process that runs now, or next, and waits until it has. @returns exit code, or signal */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | NodeJS.Signals>;
  /** Makes the process that runs now, or next, stand still. @returns what lets it go on, if it still lives */
  freeze(): Promise<() => void>;
  /** Waits until a process of it serves. */
  serving(): Promise<void>;
  /** All that its processes have printed. */
  output(): string;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** What `npm start` waits before it starts again what has ended. */
const restartPauseMs = 500;
const serveDeadlineMs = 60_000;
const stopDeadlineMs = 12_000;

/** Starts a role. @param entry path of its module below src @param logFile where all its processes print to */
export function startRole(
  name: string,
  entry: string,
  environment: Readonly<Record<string, string>>,
  logFile: string,
): Role {
  const module = fileURLToPath(new URL(`../../src/${entry}`, import.meta.url));
  let child: ChildProcess | null = null;
  let pid = 0;
  let kept = true;
  let serving = false;
  let bootMs = 0;
  let ended = Promise.resolve<number | NodeJS.Signals>(0);

  const start = () => {
    const log = openSync(logFile, 'a');
    const started = spawn(process.execPath, [...flagsOf(module), module], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', log, log, 'ipc'], // the channel tells it when this test run is killed
    });
    closeSync(log);
    child = started;
    pid = started.pid ?? 0;
    const startedAt = performance.now();
    started.once('message', () => {
      serving = child === started;
      bootMs = performance.now() - startedAt;
    });
    ended = once(started, 'exit').then(([code, signal]) => {
      child = null;
      serving = false;
      void startAgain();
      return (code ?? signal) as number | NodeJS.Signals;
    });
  };
  const startAgain = async () => {
    await delay(restartPauseMs);
    if (kept && child === null) start();
  };
  const running = async () => {
    await until(
      `${name} runs`,
      () => child,
      (found) => found !== null,
      { everyMs: 5 },
    );
    return child as unknown as ChildProcess;
  };
  start();
  return {
    name,
    get pid() {
      return pid;
    },
    get bootMs() {
      return bootMs;
    },
    end: async (signal) => {
      const process = await running();
      const how = ended;
      process.kill(signal);
      return await how;
    },
    freeze: async () => {
      const process = await running();
      process.kill('SIGSTOP');
      return () => void process.kill('SIGCONT');
    },
    serving: async () => {
      const look = () => serving;
      const options = { deadlineMs: serveDeadlineMs, everyMs: 10 };
      await until(`${name} serves`, look, Boolean, options).catch((error: Error) => {
        throw new Error(
          `${error.message}; its log ends with\n${readFileSync(logFile, 'utf8').slice(-2_000)}`,
        );
      });
    },
    output: () => readFileSync(logFile, 'utf8'),
    stop: async () => {
      kept = false;
      if (child === null) return;
      child.kill('SIGCONT'); // one that was stopped would not hear the other
      child.kill('SIGTERM');
      const cut = setTimeout(() => child?.kill('SIGKILL'), stopDeadlineMs);
      await ended;
      clearTimeout(cut);
    },
  };
}
