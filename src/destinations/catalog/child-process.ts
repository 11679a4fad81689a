import type { ChildProcess } from 'node:child_process';
import { forkChild } from './fork-child.ts';
import { Given } from './given.ts';
import { jobDeadlineMs, type ChildRun, type JobEnd } from './job-run.ts';
import { Outbox } from './outbox.ts';
import type { FromChild, ToChild } from './protocol.ts';
import { catalogEnvironment } from './read.ts';
import { tellUnawaited } from './unawaited.ts';

/** What the child's heap may grow to, MB. One that needs more is stopped, and its parent goes on. */
const heapMb = 256;
/** Of each half of its youngest part, MB: V8's own 16 take 40 MB more for some 15 % less time. */
const youngHeapMb = 4;
const pingMs = 500;
/** Pings that may stay unanswered in a row, while other jobs wait and while a job is alone. */
const missedTogether = 6;
const missedAlone = 20;

interface Running {
  readonly run: ChildRun;
  readonly settle: (end: JobEnd) => void;
  readonly deadline: NodeJS.Timeout;
}

/** Names for who is trusted in TLS, which the child speaks where a definition dials by itself. */
const trustVariables = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];

/** Of this process' environment what definitions read, whom it trusts, and nothing else. Read when a child starts. */
function givenEnvironment(): NodeJS.ProcessEnv {
  const names = [...catalogEnvironment(), ...trustVariables];
  // oxlint-disable-next-line node/no-process-env -- the catalog names these variables, and Reprise itself reads none of them
  const given = names.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/** Names of variables whose values prove who this deployment is. */
const secretVariable = /SECRET|TOKEN$|API_KEY|EXTERNAL_ID$/;

/** What of this process' environment children are given and nothing that is told may show. */
export function environmentSecrets(): string[] {
  const named = Object.entries(givenEnvironment()).filter(([name]) => secretVariable.test(name));
  return named.map(([, value]) => value!);
}

/**
 * One child process that runs the catalog's code. It has no network, of the environment only what definitions read, writes
 * no file and starts nothing; when it ends or stalls, its jobs are told so, and who has them starts another one.
 */
export class CatalogChild {
  readonly #process: ChildProcess;
  readonly #running = new Map<number, Running>();
  readonly #outbox = new Outbox<ToChild>((messages) => this.#send(messages));
  readonly #given = new Given((message) => this.#outbox.post(message));
  readonly #pings: NodeJS.Timeout;
  #started = false;
  #missed = 0;
  #last = 0;
  #why = '';
  #over = false;

  constructor() {
    this.#process = forkChild('main', {
      environment: givenEnvironment(),
      flags: [`--max-old-space-size=${heapMb}`, `--max-semi-space-size=${youngHeapMb}`],
    });
    this.#process.on('message', (messages: readonly FromChild[]) => {
      for (const message of messages) this.#hear(message);
    });
    this.#process.on('error', (error) => this.#exited(error.message));
    this.#process.on('exit', (code, signal) => this.#exited(signal ?? `exit code ${code}`));
    this.#process.unref();
    this.#process.channel?.unref();
    this.#pings = setInterval(() => this.#ping(), pingMs).unref();
  }

  /** It takes no more jobs. */
  get over(): boolean {
    return this.#over;
  }

  get jobs(): number {
    return this.#running.size;
  }

  /** Of all its jobs. */
  get events(): number {
    return [...this.#running.values()].reduce((sum, { run }) => sum + run.deliveries, 0);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Runs a job. Never rejects. */
  async perform(run: ChildRun): Promise<JobEnd> {
    const id = ++this.#last;
    const end = await new Promise<JobEnd>((settle) => {
      const deadline = setTimeout(() => settle({ kind: 'overdue' }), jobDeadlineMs);
      if (this.#over) return settle({ kind: 'exited', alone: false, why: this.#why, started: this.#started });
      this.#running.set(id, { run, settle, deadline });
      this.#outbox.post({ kind: 'job', job: this.#given.referred(run.job(id)) });
    });
    clearTimeout(this.#running.get(id)?.deadline);
    this.#running.delete(id);
    await run.ending?.();
    run.end();
    return end;
  }

  /** Ends the process; what is under way is told so. */
  close(): void {
    this.#why ||= 'closed';
    this.#over = true;
    this.#process.kill('SIGKILL');
  }

  #hear(message: FromChild): void {
    this.#missed = 0;
    if (message.kind === 'ready') this.#started = true;
    else if (message.kind === 'done') {
      this.#running.get(message.job)?.settle(endOf(message));
    } else if (message.kind === 'mapped') this.#running.get(message.job)?.run.mapped?.(message.payload);
    else if (message.kind === 'request') void this.#request(message);
    else if (message.kind === 'dial') void this.#dial(message);
    else if (message.kind === 'unawaited') tellUnawaited(message);
    else if (message.kind === 'aborted')
      for (const { run } of this.#running.values()) run.abort(message.request);
  }

  async #request({ job, request, wanted }: Extract<FromChild, { kind: 'request' }>): Promise<void> {
    const running = this.#running.get(job);
    const answer = await running?.run.request(request, wanted);
    if (answer === undefined) {
      this.#outbox.post({ kind: 'broken', request, code: 'NO_JOB', message: 'Its delivery is over.' });
    } else if (answer !== null) this.#outbox.post(answer);
  }

  async #dial({ job, dial, host, port }: Extract<FromChild, { kind: 'dial' }>): Promise<void> {
    const run = this.#running.get(job)?.run;
    const message = 'Its delivery is over.';
    this.#outbox.post(
      run === undefined
        ? { kind: 'undialled', dial, code: 'NO_JOB', message }
        : await run.dial(dial, host, port),
    );
  }

  #send(messages: readonly ToChild[]): void {
    if (!this.#over) this.#process.send(messages, undefined, undefined, () => undefined); // its exit tells the rest
  }

  /** A process of this machine that was stopped or is starved itself counts no pings meanwhile. */
  #ping(): void {
    if (this.#running.size === 0 || !this.#started) return;
    this.#missed += 1;
    const limit = this.#running.size === 1 ? missedAlone : missedTogether;
    if (this.#missed > limit) {
      this.#why = 'it did not come back from its own code';
      this.#process.kill('SIGKILL');
    } else this.#outbox.post({ kind: 'ping' });
  }

  #exited(why: string): void {
    this.#over = true;
    this.#why ||= why;
    clearInterval(this.#pings);
    const alone = this.#running.size === 1;
    for (const { settle } of this.#running.values()) {
      settle({ kind: 'exited', alone, why: this.#why, started: this.#started });
    }
  }
}

function endOf({ result, clues }: Extract<FromChild, { kind: 'done' }>): JobEnd {
  return { kind: 'result', result, ...(clues !== undefined && { clues }) };
}
