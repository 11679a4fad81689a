import type { Ask, Block } from '../core/budget.ts';
import { Pacer } from '../core/pacer.ts';
import { isOutage } from '../db/outage.ts';
import type { TakenLane, Wanted } from '../db/lane-lease.ts';
import type { AccountBudget } from './account-budget.ts';

const retryMs = 200;
/** Processes that were told to ask at the same moment do so one after another; milliseconds. */
const jitterMs = 10;

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
  /** In the order of their turns, with how many events each could send. */
  readonly #waiting = new Map<Waiter, { events: number; batchSize: number }>();
  #pace: number | null = null;
  #revision = -1;
  #timer: NodeJS.Timeout | undefined;
  #fetching = false;
  #askAt = 0;

  constructor(account: AccountBudget, { runId, kind, wanted }: TakenLane) {
    this.#account = account;
    this.#run = { runId, kind };
    this.#pacer = new Pacer(kind);
    this.obey(wanted);
  }

  /** Milliseconds on this process's clock; the times that `room` and `take` go by. */
  now(): number {
    return this.#account.now();
  }

  /** Whether the account has said that nothing may leave now. */
  isClosed(now: number): boolean {
    return this.#account.isClosed(now);
  }

  /** Takes over what a commit has read. */
  obey(wanted: Wanted): void {
    this.#account.obey(wanted.account);
    this.notePace({ revision: wanted.revision, pace: wanted.eventsPerSecond });
  }

  /** The run's pace as it was read with a revision; an older one says nothing. */
  notePace({ revision, pace }: { readonly revision: number; readonly pace: number | null }): void {
    if (revision < this.#revision) return;
    this.#revision = revision;
    if (pace === this.#pace) return;
    this.#pace = pace;
    this.reset();
  }

  /** How many events a request may carry that leaves now; 0: none may leave. */
  room(now: number): number {
    if (this.#account.isClosed(now)) return 0;
    return this.#limited ? this.#pacer.room(now) : Number.POSITIVE_INFINITY;
  }

  /** A request leaves. @param events no more than there was room for at that time */
  take(events: number, now: number): void {
    if (this.#limited) this.#pacer.take(events, now);
  }

  /** Calls a lane back when it is its turn. @param could what it could send now */
  waitFor(waiter: Waiter, could: { events: number; batchSize: number }): void {
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
    if (this.#account.isClosed(now) || !this.#limited)
      return this.#wakeIn(Math.max(0, this.#account.opensAt - now));
    const times: number[] = [];
    const leaveAt = this.#pacer.leaveAt(now);
    if (leaveAt !== null) times.push(leaveAt);
    const ask = this.#fetching ? null : this.#askFor(now);
    if (ask !== null) {
      const fetchAt = Math.max(this.#pacer.fetchAt(now), this.#askAt);
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
      if (this.room(this.#account.now()) === 0) break;
      this.#waiting.delete(waiter);
      waiter.pump();
    }
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
    return events <= 0 ? null : { kind: this.#run.kind, events, batchSize };
  }

  async #fetch(ask: Ask): Promise<void> {
    this.#fetching = true;
    try {
      const taken = await this.#account.take(this.#run.runId, ask);
      if (taken.kind === 'later')
        this.#askAt = this.#account.now() + taken.inMs + jitterMs * this.#account.random();
      else this.notePace(taken.read);
      if (taken.kind === 'block') this.#add(taken.block);
    } catch (error) {
      // Without Postgres no lane can write down what it sends, and each of them minds that by itself.
      if (isOutage(error)) this.#askAt = this.#account.now() + retryMs;
      else for (const waiter of this.#waiting.keys()) waiter.fail(error);
    }
    this.#fetching = false;
    this.#serve();
  }

  #add(block: Block): void {
    this.#pacer.add(block);
    this.#askAt = 0;
  }
}
