import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { flagsOf, type ReadyMessage } from '../child-process.ts';
import { noteOf } from './child-log.ts';
import { forgetProcess, rememberProcess } from './leftover.ts';
import { rotatingLog, tailOf, type LogFile } from './log-file.ts';
import type { Stoppable } from './stop-order.ts';

/** A process of Reprise that is to run as long as this one does. */
export interface ChildPlan {
  readonly name: string;
  /** Path of its module. */
  readonly entry: string;
  /** Asked at each start, since a port that it had may be taken by then. */
  readonly environment: () => Promise<NodeJS.ProcessEnv>;
  readonly logFile: string;
  /** Where its pid is noted, for the next start to find when this process is killed. */
  readonly noteFile: string;
  readonly say: (line: string) => void;
}

const firstBackoffMs = 500;
const longestBackoffMs = 30_000;
/** One that served this long had started well: its next failure counts as a first one. */
const settledMs = 30_000;
/** A child that has never been ready is given up on after so many ends: its fault is not one of the moment. */
const firstTries = 3;
/** A child ends within 10 s of being told (child-process.ts); then it is cut off. */
const stopDeadlineMs = 10_500;

/** A child process that is started again, after a growing pause, whenever it ends without having been told to. */
export class Child implements Stoppable {
  readonly name: string;
  /** What it said when it was ready for the first time. Rejects when it does not get that far. */
  readonly ready: Promise<ReadyMessage>;
  readonly #plan: ChildPlan;
  readonly #log: LogFile;
  readonly #firstReady = Promise.withResolvers<ReadyMessage>();
  readonly #stopped = new AbortController();
  readonly #ended: Promise<void>;
  #process: ChildProcess | null = null;
  #failures = 0;
  #everReady = false;

  constructor(plan: ChildPlan) {
    this.name = plan.name;
    this.#plan = plan;
    this.#log = rotatingLog(plan.logFile);
    this.ready = this.#firstReady.promise;
    this.ready.catch(() => undefined); // whoever waits for it hears of it
    this.#ended = this.#keepRunning().catch((error: Error) => this.#giveUp(error.message));
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#process?.kill('SIGTERM');
    const cut = setTimeout(() => this.cut(), stopDeadlineMs);
    await this.#ended;
    clearTimeout(cut);
    this.#log.close();
  }

  cut(): void {
    this.#process?.kill('SIGKILL');
  }

  async #keepRunning(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const began = performance.now();
      const end = await this.#runOnce();
      if (this.#stopped.signal.aborted) return;
      this.#failures = performance.now() - began > settledMs ? 1 : this.#failures + 1;
      if (!this.#everReady && this.#failures >= firstTries) return this.#giveUp(end);
      const pauseMs = Math.min(firstBackoffMs * 2 ** (this.#failures - 1), longestBackoffMs);
      this.#plan.say(`${this.name} ended (${end}); starting it again in ${pauseMs / 1000} s`);
      await sleep(pauseMs, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
    }
  }

  #giveUp(end: string): void {
    const log = tailOf(this.#plan.logFile, 15);
    this.#firstReady.reject(new Error(`${this.name} does not start (${end}). The end of its log:\n${log}`));
  }

  /** Runs it to its end, and says how it ended. */
  async #runOnce(): Promise<string> {
    const env = await this.#plan.environment();
    if (this.#stopped.signal.aborted) return 'stopped';
    // A group of its own: Ctrl-C in the terminal reaches only the process that knows the order of stopping.
    const child = spawn(process.execPath, [...flagsOf(this.#plan.entry), this.#plan.entry], {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#process = child;
    if (child.pid !== undefined) rememberProcess(this.#plan.noteFile, child.pid);
    child.on('message', (message) => this.#onMessage(message));
    const logged = [child.stdout, child.stderr].map((stream) => this.#copy(stream));
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    await Promise.all(logged);
    this.#process = null;
    forgetProcess(this.#plan.noteFile);
    return signal ?? `exit code ${code}`;
  }

  #onMessage(message: unknown): void {
    if (!isReady(message)) return;
    if (this.#everReady) this.#plan.say(`${this.name} runs again`);
    this.#everReady = true;
    this.#firstReady.resolve(message);
  }

  async #copy(stream: NodeJS.ReadableStream | null): Promise<void> {
    if (stream === null) return;
    for await (const line of createInterface({ input: stream })) {
      this.#log.write(line);
      const note = noteOf(line);
      if (note !== null) this.#plan.say(`${this.name}: ${note}`);
    }
  }
}

function isReady(message: unknown): message is ReadyMessage {
  return typeof message === 'object' && message !== null && 'ready' in message && message.ready === true;
}
