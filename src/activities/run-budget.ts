import type { Ask, Block } from '../core/budget.ts';
import { Pacer } from '../core/pacer.ts';
import { isOutage } from '../db/outage.ts';
import type { TakenLane, Wanted } from '../db/lane-lease.ts';
import type { BudgetRead } from '../db/budget.ts';
import type { AccountBudget } from './account-budget.ts';
import { RunConnections } from './run-connections.ts';

const retryMs = 200;
/** How late after its turn a request may be written; with what the pacer makes up for it is a tenth of a second. */
const lateMs = 25;
/** Of a slow rate's long turns it may miss a tenth: a connection is made anew for each of them, and takes its time. */
const lateShare = 0.1;
/** Processes that were told to ask at the same moment do so one after another; milliseconds. */
const jitterMs = 10;

/** What a lane could send now, if only it might. */
export interface Could {
  readonly events: number;
  readonly requests: number;
  readonly batchSize: number;
}

/** A lane that waits until something of it may leave. */
export interface Waiter {
  /** Sends what may leave now. */
  pump(): void;
  /** Its turn cannot come: something is broken. */
  fail(error: unknown): void;
}

/**
 * What the lanes of one run in this process may send: blocks of the account's time, fetched ahead and used by one lane
 * after another. Where nothing limits the run it costs a comparison.
 */
export class RunBudget {
  readonly #account: AccountBudget;
  readonly #run: { readonly runId: string; readonly kind: TakenLane['kind'] };
  readonly #pacer: Pacer;
  readonly #connections: RunConnections;
  /** In the order of their turns, with how many events each could send. */
  readonly #waiting = new Map<Waiter, Could>();
  #pace: number | null = null;
  #revision = -1;
  #timer: NodeJS.Timeout | undefined;
  #fetching = false;
  #askAt = 0;
  /** How long an answer of the account takes of late; slow ones are remembered for a while. */
  #answersInMs = 0;
  /** The lane whose turn it is. */
  #served: Waiter | null = null;

  constructor(account: AccountBudget, { runId, kind, wanted }: TakenLane) {
    this.#account = account;
    this.#run = { runId, kind };
    this.#pacer = new Pacer(kind);
    this.#connections = new RunConnections({
      kind,
      now: () => account.now(),
      claim: (claim) => account.claim(runId, claim),
      wants: () => [...this.#waiting.values()].reduce((sum, { requests }) => sum + requests, 0),
      onMore: () => this.#serve(),
    });
    this.obey(wanted);
  }

  /** Milliseconds on this process's clock; the times that `room` and `take` go by. */
  now(): number {
    return this.#account.now();
  }

  /** Whether a request may be written that `take` gave a time: not so late that another's turn sees too many. */
  mayStillLeave(until: number): boolean {
    return this.closedForMs === 0 && (!this.#limited || this.#account.now() <= until);
  }

  /** Takes over what a commit has read. */
  obey(wanted: Wanted): void {
    this.#account.obey(wanted.account);
    this.#connections.obey(this.#account.maxConcurrent);
    this.notePace({ revision: wanted.revision, pace: wanted.eventsPerSecond });
  }

  /** Somebody said that the account's row has changed. */
  told(read: BudgetRead): void {
    this.notePace(read);
    this.#connections.claim();
  }

  /** Something is broken: lanes that wait will not have their turn. */
  fail(error: unknown): void {
    for (const waiter of this.#waiting.keys()) waiter.fail(error);
  }

  /** No lane of the run is worked here any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#connections.close();
  }

  /** The run's pace as it was read with a revision; an older one says nothing. */
  notePace({ revision, pace }: { readonly revision: number; readonly pace: number | null }): void {
    if (revision < this.#revision) return;
    this.#revision = revision;
    if (pace === this.#pace) return;
    this.#pace = pace;
    this.reset();
  }

  /** How many events a request of a lane may carry that leaves now; 0: none may leave, or others come first. */
  room(waiter: Waiter, now: number): number {
    if (this.#waiting.size > 0 && this.#served !== waiter) return 0;
    return this.#room(now);
  }

  #room(now: number): number {
    if (this.closedForMs > 0 || this.#connections.free(now) === 0) return 0;
    return this.#limited ? this.#pacer.room(now) : Number.POSITIVE_INFINITY;
  }

  /**
   * Takes the room for a request that leaves. @param events no more than there was room for at that time
   * @returns until when it may be written
   */
  take(events: number, now: number): number {
    if (!this.#limited) return Number.POSITIVE_INFINITY;
    return now + Math.max(lateMs, lateShare * this.#pacer.take(events, now));
  }

  /** A request is under way. */
  started(): void {
    this.#connections.start();
  }

  /** A request has ended, and another may follow it. */
  ended(): void {
    this.#connections.end();
    if (this.#connections.limited && this.#waiting.size > 0) this.#serve();
  }

  /** For how long yet the account takes nothing; milliseconds. */
  get closedForMs(): number {
    return this.#account.closedForMs;
  }

  /** Calls a lane back when it is its turn. @param could what it could send now */
  waitFor(waiter: Waiter, could: Could): void {
    this.#waiting.set(waiter, could);
    this.#drive();
  }

  /** A lane waits no more. */
  forget(waiter: Waiter): void {
    this.#waiting.delete(waiter);
  }

  /** The rates have changed: what was fetched is given up. */
  reset(): void {
    this.#pacer.clear();
    this.#askAt = 0;
    this.#drive();
  }

  get #limited(): boolean {
    return this.#pace !== null || this.#account.keepsRate;
  }

  /** Arms the timer for the next thing that time brings: the end of a closed window, a send, or a block to fetch. */
  #drive(): void {
    clearTimeout(this.#timer);
    if (this.#waiting.size === 0) return;
    const now = this.#account.now();
    if (this.closedForMs > 0) return this.#wakeIn(this.closedForMs);
    if (this.#connections.free(now) === 0) return this.#connections.claimMore();
    if (!this.#limited) return this.#wakeIn(0);
    const times: number[] = [];
    const leaveAt = this.#pacer.leaveAt(now);
    if (leaveAt !== null) times.push(leaveAt);
    const ask = this.#fetching ? null : this.#askFor(now);
    if (ask !== null) {
      const fetchAt = Math.max(this.#pacer.fetchAt(now, this.#answersInMs), this.#askAt);
      if (fetchAt <= now) void this.#fetch(ask);
      else times.push(fetchAt);
    }
    if (times.length > 0) this.#wakeIn(Math.max(0, Math.min(...times) - now));
  }

  #wakeIn(ms: number): void {
    this.#timer = setTimeout(() => this.#serve(), ms);
  }

  /** Lets the lanes send what may leave, one after another; those that want more come again at the end. */
  #serve(): void {
    for (const waiter of this.#waiting.keys()) {
      if (this.#room(this.#account.now()) === 0) break;
      this.#waiting.delete(waiter);
      this.#served = waiter;
      waiter.pump();
    }
    this.#served = null;
    this.#drive();
  }

  /** What is wanted beyond what was fetched; null: nothing. */
  #askFor(now: number): Ask | null {
    let events = -this.#pacer.left(now);
    let batchSize = 1;
    for (const could of this.#waiting.values()) {
      events += could.events;
      batchSize = Math.max(batchSize, could.batchSize);
    }
    return events <= 0 ? null : { kind: this.#run.kind, events, batchSize, answersInMs: this.#answersInMs };
  }

  async #fetch(ask: Ask): Promise<void> {
    this.#fetching = true;
    const askedAt = this.#account.now();
    try {
      const taken = await this.#account.take(this.#run.runId, ask);
      this.#answersInMs = Math.max(this.#account.now() - askedAt, this.#answersInMs * 0.9);
      if (taken.kind === 'later')
        this.#askAt = this.#account.now() + taken.inMs + jitterMs * this.#account.random();
      else this.notePace(taken.read);
      if (taken.kind === 'block') this.#add(taken.block);
    } catch (error) {
      // Without Postgres no lane can write down what it sends, and each of them minds that by itself.
      if (isOutage(error)) this.#askAt = this.#account.now() + retryMs;
      else this.fail(error);
    }
    this.#fetching = false;
    this.#serve();
  }

  #add(block: Block): void {
    this.#pacer.add(block);
    this.#askAt = 0;
  }
}
