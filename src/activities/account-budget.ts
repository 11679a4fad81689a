import { setTimeout as pause } from 'node:timers/promises';
import {
  closeAccount,
  closedByMs,
  closedForMs,
  keepsRate,
  takeBlock,
  type Ask,
  type Block,
  type Bounds,
} from '../core/budget.ts';
import { claimConnections, type ConnectionClaim, type ConnectionGrant } from '../core/concurrency.ts';
import { ClockOffset } from '../core/clock-offset.ts';
import type { Outcome } from '../core/outcome.ts';
import {
  changeBudget,
  closeBudget,
  liveLanes,
  readBudget,
  tellBudget,
  type BudgetNews,
  type BudgetRead,
} from '../db/budget.ts';
import type { AccountWanted, TakenLane } from '../db/lane-lease.ts';
import { isOutage } from '../db/outage.ts';
import type { Queryable } from '../db/sql.ts';
import { RequestMeter } from './request-meter.ts';
import { RunBudget } from './run-budget.ts';

/** Others are about the row, or it is about to go: asked again then. */
const busyMs = 20;
const outageTries = 10;
const outageMs = 300;

export interface AccountDeps {
  readonly db: Queryable;
  /** Milliseconds on a clock that only rises. */
  readonly now: () => number;
  readonly random: () => number;
}

/** What asking for a block ended in: a block on this process's clock, a time to ask again, or that nothing limits. */
export type Taken =
  | { readonly kind: 'later'; readonly inMs: number }
  | { readonly kind: 'free'; readonly read: BudgetRead }
  | { readonly kind: 'block'; readonly read: BudgetRead; readonly block: Block };

/**
 * The budget of one destination account as one process knows it: what it may send by the account's row, and until when
 * the account is closed because it has answered 429 to anybody.
 */
export class AccountBudget {
  readonly #destinationId: string;
  readonly #deps: AccountDeps;
  readonly #runs = new Map<string, { readonly budget: RunBudget; lanes: number }>();
  readonly #offset = new ClockOffset();
  readonly #accepted = new RequestMeter();
  #limits = '{}';
  #maxConcurrent: number | null = null;
  #loweredAt: number | null = null;
  /** Postgres time of the newest reading. */
  #notedAt = 0;
  #keepsRate = false;
  #opensAt = 0;
  /** A 429 is being written down; `again`: another one has said more since. */
  #telling: { again: boolean } | null = null;

  constructor(destinationId: string, deps: AccountDeps) {
    this.#destinationId = destinationId;
    this.#deps = deps;
  }

  /** A lane of a run begins. @returns what its run may send in this process */
  enter(taken: TakenLane): RunBudget {
    const run = this.#runs.get(taken.runId) ?? { budget: new RunBudget(this, taken), lanes: 0 };
    this.#runs.set(taken.runId, run);
    run.lanes++;
    run.budget.obey(taken.wanted);
    return run.budget;
  }

  /** A lane of a run has ended. @returns whether it was the account's last one here */
  leave(runId: string): boolean {
    const run = this.#runs.get(runId);
    if (run !== undefined && --run.lanes === 0) {
      this.#runs.delete(runId);
      run.budget.close();
    }
    return this.#runs.size === 0;
  }

  now(): number {
    return this.#deps.now();
  }

  random(): number {
    return this.#deps.random();
  }

  /** Whether the account has a rate to keep. */
  get keepsRate(): boolean {
    return this.#keepsRate;
  }

  /** For how long yet the account takes nothing; milliseconds. */
  get closedForMs(): number {
    return Math.max(0, this.#opensAt - this.now());
  }

  /** Takes over what was read of the account; what is older than what is known says nothing. */
  obey({ now, budget, learnt, blockedUntil }: AccountWanted): void {
    const age = this.#notedAt - now;
    if (age > 0 && age < 60_000) return; // read before the last one; later than that it is a clock that has jumped
    this.#notedAt = now;
    this.#closeFor(closedForMs({ blockedUntil }, now));
    if (this.#telling !== null) return; // what this process has heard is not in the row yet
    const limits = JSON.stringify(budget);
    const loweredAt = learnt?.loweredAt ?? null;
    const changed = limits !== this.#limits || loweredAt !== this.#loweredAt;
    this.#limits = limits;
    this.#maxConcurrent = budget.maxConcurrent ?? null;
    this.#loweredAt = loweredAt;
    this.#keepsRate = keepsRate(budget, learnt, now);
    if (changed) this.#reset();
  }

  /** Most requests at once; null: any number. */
  get maxConcurrent(): number | null {
    return this.#maxConcurrent;
  }

  /** Somebody has changed the row, or has found the account closed. */
  async told(closedForMs: number): Promise<void> {
    if (closedForMs > 0) {
      this.#closeFor(closedForMs);
      this.#reset();
    }
    await this.#refresh();
  }

  async #refresh(): Promise<void> {
    for (const [runId, { budget }] of this.#runs) {
      const read = await this.#read(runId);
      if (read !== null) budget.told(read);
    }
  }

  /** Takes in how a request ended. A 429 closes the account here at once, and everywhere once it is written. */
  heard(outcomes: readonly Outcome[]): void {
    const outcome = outcomes.find(({ kind }) => kind === 'throttled') ?? outcomes[0];
    if (outcome === undefined || outcome.kind === 'notSent' || outcome.kind === 'invalid') return;
    if (outcome.kind !== 'throttled') return this.#accepted.note(this.now());
    this.#closeFor(closedByMs(outcome.retryAfterMs));
    this.#keepsRate = true;
    this.#reset();
    if (this.#telling === null) void this.#tell();
    else this.#telling.again = true;
  }

  /** Takes the next block of the account's time for a run. */
  async take(runId: string, ask: Ask): Promise<Taken> {
    const decided = await this.#change(runId, (read) => {
      const bounds = boundsOf(read);
      if (bounds === null) return { news: null, read, grant: null };
      const grant = takeBlock(ask, bounds, read.now);
      if (grant.kind === 'later') return { news: null, read, grant };
      return { news: { account: grant.books, runNextAt: grant.paceNextAt }, read, grant };
    });
    if (decided === null) return { kind: 'later', inMs: busyMs };
    const { grant, read } = decided;
    if (grant === null) return { kind: 'free', read };
    if (grant.kind === 'later') return grant;
    const { from, until } = grant.block;
    const block = { ...grant.block, from: this.#offset.here(from), until: this.#offset.here(until) };
    return { kind: 'block', read, block };
  }

  /** Claims a part of the requests that the account bears at once; null: that could not be written now. */
  async claim(runId: string, claim: ConnectionClaim): Promise<ConnectionGrant | null> {
    try {
      const decided = await this.#change(runId, ({ account, budget, now }) => {
        const most = budget.maxConcurrent;
        if (most === undefined) return { news: null, grant: null }; // reading it has lifted the limit already
        const grant = claimConnections(account.holders, claim, most, now);
        return { news: { account: { ...account, holders: grant.holders }, runNextAt: null }, grant };
      });
      if (decided?.grant?.tell === true) await tellBudget(this.#deps.db, this.#destinationId);
      return decided?.grant ?? null;
    } catch (error) {
      if (!isOutage(error)) this.#runs.get(runId)?.budget.fail(error);
      return null; // what is held runs out by itself
    }
  }

  #closeFor(ms: number): void {
    if (ms > 0) this.#opensAt = Math.max(this.#opensAt, this.now() + ms);
  }

  #reset(): void {
    for (const { budget } of this.#runs.values()) budget.reset();
  }

  async #change<T extends { readonly news: BudgetNews | null }>(
    runId: string,
    decide: (read: BudgetRead) => T,
  ): Promise<T | null> {
    const scope = { destinationId: this.#destinationId, runId };
    return await changeBudget(this.#deps.db, scope, () => this.#read(runId), decide);
  }

  async #read(runId: string): Promise<BudgetRead | null> {
    const before = this.now();
    const read = await readBudget(this.#deps.db, { destinationId: this.#destinationId, runId });
    if (read === null) return null;
    this.#offset.note(read.now, before, this.now());
    const { now, budget, account } = read;
    this.obey({ now, budget, learnt: account.learnt, blockedUntil: account.blockedUntil });
    return read;
  }

  /** Writes down that the account is closed, until it is written or Postgres has been away for long. */
  async #tell(): Promise<void> {
    const telling = { again: false };
    this.#telling = telling;
    for (let tries = 0; tries < outageTries; tries++) {
      telling.again = false;
      try {
        await this.#close();
        if (!telling.again) break;
      } catch (error) {
        if (!isOutage(error)) {
          for (const { budget } of this.#runs.values()) budget.fail(error);
          break;
        }
        await pause(outageMs); // meanwhile it is closed here, and others are told by the account itself
      }
    }
    this.#telling = null;
    await this.#refresh().catch(() => undefined);
  }

  /** Closes the account for all at once, then lowers its rate. */
  async #close(): Promise<void> {
    const { db } = this.#deps;
    await closeBudget(db, this.#destinationId, this.closedForMs);
    const [runId] = this.#runs.keys();
    if (runId === undefined) return;
    const acceptedPerSecond = await this.#acceptedByAll();
    await this.#change(runId, ({ account, budget, now }) => {
      const books = closeAccount(account, budget, { forMs: this.closedForMs, acceptedPerSecond }, now);
      return { news: { account: books, runNextAt: null } };
    });
    await tellBudget(db, this.#destinationId);
  }

  /** Requests per second that the account has taken lately, if its lanes in other processes sent as many as those here. */
  async #acceptedByAll(): Promise<number> {
    const here = [...this.#runs.values()].reduce((sum, { lanes }) => sum + lanes, 0);
    const all = await liveLanes(this.#deps.db, this.#destinationId);
    return (this.#accepted.perSecond(this.now()) * Math.max(here, all)) / here;
  }
}

/** What binds a run; null: nothing does. */
function boundsOf({ budget, account, pace, runNextAt, now }: BudgetRead): Bounds | null {
  const limited = keepsRate(budget, account.learnt, now);
  if (!limited && pace === null) return null;
  return {
    account: limited ? { budget, books: account } : null,
    pace: pace === null ? null : { eventsPerSecond: pace, nextAt: runNextAt },
  };
}
