import type { SendGate } from '../definition.ts';
import { Patience, type AccountHttp, type Exchange } from './account-http.ts';
import { JobDials, type Dialled, type DialRule } from './job-dials.ts';
import type { Account, Clues, Job, JobResult, ToChild, WantedRequest, Work } from './protocol.ts';

/** How a job ended. */
export type JobEnd =
  | { readonly kind: 'result'; readonly result: JobResult; readonly clues?: Clues }
  /** The child ended while it ran. `alone`: nothing else was under way there, so the job is to blame. */
  | { readonly kind: 'exited'; readonly alone: boolean; readonly why: string; readonly started: boolean }
  /** The definition did not come to an end in time. */
  | { readonly kind: 'overdue' };

/** Seconds are enough for any definition; one that waits for longer holds up its user. */
export const jobDeadlineMs = 90_000;

/** Who asks a child for something, and is asked for the requests that come of it. */
export interface ChildRun {
  readonly deliveries: number;
  job(id: number): Job;
  /** @returns what the child is told, null when it need not know any more */
  request(id: number, wanted: WantedRequest): Promise<ToChild | null>;
  /** The definition has given up on a request. */
  abort(request: number): void;
  /** Makes a connection for a definition that dials by itself. @returns what the child is told */
  dial(id: number, host: string, port: number): Promise<ToChild>;
  end(): void;
  /** Resolves once all that the definition gave up on has ended, which takes no time. */
  ending?(): Promise<unknown>;
  /** What the mapping made, of a job that tells it. */
  mapped?(payload: string): void;
}

/**
 * One job and all the requests it makes. Once it has ended nothing of it leaves any more, whatever its child still asks
 * for.
 */
export class JobRun implements ChildRun {
  readonly account: Account;
  readonly work: Work;
  /** Something of it has left, or may have. */
  wrote = false;
  /** A request could not leave, because the lane may not send any more. */
  gateClosed = false;
  /** By the child's number. */
  readonly exchanges = new Map<number, Exchange>();
  last: Exchange | null = null;
  /** The last one that the definition did not wait for. */
  givenUp: Exchange | null = null;
  #ended = false;
  readonly #http: AccountHttp;
  readonly #gate: SendGate;
  readonly #dials: JobDials | null;
  readonly #open = new Map<number, { readonly patience: Patience; readonly ended: Promise<unknown> }>();
  readonly #abandoned: Promise<unknown>[] = [];

  constructor(options: {
    readonly account: Account;
    readonly work: Work;
    readonly http: AccountHttp;
    readonly gate: SendGate;
    /** Of a definition that dials by itself; absent: it does not. */
    readonly dials?: DialRule;
  }) {
    this.account = options.account;
    this.work = options.work;
    this.#http = options.http;
    this.#gate = options.gate;
    const dialGate = { mayDial: () => this.#mayDial(), mayWrite: () => this.#mayWriteOn() };
    this.#dials = options.dials === undefined ? null : new JobDials(options.dials, dialGate);
  }

  job(id: number): Job {
    const { account, work } = this;
    return { id, account, work, ...(this.#dials !== null && { dials: true }) };
  }

  /** The connections that its definition wanted, in their order. */
  get dialled(): readonly Dialled[] {
    return this.#dials?.all ?? [];
  }

  get deliveries(): number {
    return this.work.kind === 'batch' ? this.work.events.length : 1;
  }

  /** Sends a request of it. @returns what the child is told, null when it need not know any more */
  async request(id: number, wanted: WantedRequest): Promise<ToChild | null> {
    const patience = new Patience();
    const ended = this.#send(id, wanted, patience);
    this.#open.set(id, { patience, ended });
    const exchange = await ended;
    this.#open.delete(id);
    return exchange === null ? null : told(id, exchange);
  }

  /** @returns null: the job was over before it ended */
  async #send(id: number, wanted: WantedRequest, patience: Patience): Promise<Exchange | null> {
    const mayWrite = () => {
      if (this.#ended || patience.over) return false;
      const may = this.#gate.mayWrite();
      if (may) this.wrote = true;
      else this.gateClosed = true;
      return may;
    };
    const exchange = await this.#http.send(wanted, this.deliveries, { mayWrite }, patience);
    if (this.#ended) return null;
    this.exchanges.set(id, exchange);
    this.last = exchange;
    if (patience.over) this.givenUp = exchange;
    return exchange;
  }

  /** The definition has given up on a request: what has not left yet stays here, and its connection is free again. */
  abort(request: number): void {
    const open = this.#open.get(request);
    if (open === undefined) return;
    this.#abandoned.push(open.ended);
    open.patience.end();
  }

  async dial(dial: number, host: string, port: number): Promise<ToChild> {
    if (this.#dials === null)
      return { kind: 'undialled', dial, code: 'EGRESS_REFUSED', message: 'It has no network.' };
    const opened = await this.#dials.open(host, port);
    if (opened instanceof Error)
      return { kind: 'undialled', dial, code: opened.code, message: opened.message };
    return { kind: 'dialled', dial, path: opened.path };
  }

  /** Nothing is known to have left by a connection as such: who has written nothing yet is asked as for a request. */
  #mayDial(): boolean {
    if (this.#ended) return false;
    const may = this.wrote ? this.#mayGoOn() : this.#gate.mayWrite();
    if (!may) this.gateClosed = true;
    return may;
  }

  /** Its turn was at its first byte; what follows is a part of that. */
  #mayWriteOn(): boolean {
    const may = this.#mayDial();
    if (may) this.wrote = true;
    return may;
  }

  #mayGoOn(): boolean {
    return this.#gate.mayGoOn === undefined ? this.#gate.mayWrite() : this.#gate.mayGoOn();
  }

  async ending(): Promise<unknown> {
    return await Promise.all(this.#abandoned);
  }

  end(): void {
    this.#ended = true;
    this.#dials?.end();
  }
}

function told(request: number, { answer }: Exchange): ToChild {
  if (answer.kind === 'answered') {
    const { status, headers: received } = answer.head;
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(received))
      if (value !== undefined && name !== 'set-cookie') headers[name] = String(value);
    return { kind: 'answer', request, status, headers, body: answer.body.toString('latin1') };
  }
  const error = answer.kind === 'broken' ? answer.error : new Error('The request may not leave any more.');
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'NOT_SENT';
  return { kind: 'broken', request, code, message: error.message };
}
