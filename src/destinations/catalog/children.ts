import { CatalogChild } from './child-process.ts';
import type { JobEnd, JobRun } from './job-run.ts';

/** How many children the accounts of one process share. */
const sharedChildren = 2;
/**
 * A child with so many events in its hands is busy, and further ones of its accounts go to the one that has fewest. Single
 * events do not: on two processors they are a third faster through one child, batches are a third faster through two.
 */
const busyEvents = 100;
/** An account that was there when a child ended has one of its own for so long. */
const suspectMs = 600_000;
/** And in it one job at a time for so long, so that whoever is to blame stands alone. */
const aloneMs = 60_000;
/** A child without work is ended; memory is for those who have some. */
const idleMs = 60_000;

/** A place where jobs run: a child process that is started again when it has ended. */
class Seat {
  readonly accounts = new Set<string>();
  #child: CatalogChild | null = null;
  #idle: NodeJS.Timeout | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** How many are in its hands. */
  get events(): number {
    return this.#child?.events ?? 0;
  }

  async perform(run: JobRun): Promise<JobEnd> {
    clearTimeout(this.#idle);
    if (this.#child === null || this.#child.over) this.#child = new CatalogChild();
    const child = this.#child;
    const end = await child.perform(run);
    if (child.jobs === 0) this.#endWhenIdle(child);
    return end;
  }

  /** After those that came before. */
  async performAlone(run: JobRun): Promise<JobEnd> {
    const end = this.#turn.then(() => this.perform(run));
    this.#turn = end;
    return await end;
  }

  close(): void {
    clearTimeout(this.#idle);
    this.#child?.close();
    this.#child = null;
  }

  #endWhenIdle(child: CatalogChild): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      if (child.jobs > 0 || child !== this.#child) return;
      this.#child = null;
      child.close();
    }, idleMs).unref();
  }
}

interface Suspect {
  readonly seat: Seat;
  since: number;
}

/**
 * The children of one process. Accounts share a few; one that was at work in a child when that ended gets a child of its
 * own, where it runs one job at a time at first. So an event is blamed only where it stood alone, and what is wrong with
 * one account happens to the others at most once.
 */
export class Children {
  readonly #shared = Array.from({ length: sharedChildren }, () => new Seat());
  readonly #suspects = new Map<string, Suspect>();

  /** Runs a job, again if a child ended that ran it among others and nothing of it had left. Never rejects. */
  async perform(
    accountId: string,
    newRun: () => JobRun,
  ): Promise<{ readonly end: JobEnd; readonly run: JobRun }> {
    for (;;) {
      const run = newRun();
      const end = await this.#perform(accountId, run);
      if (end.kind !== 'exited') return { end, run };
      this.#suspect(accountId);
      if (end.alone || run.wrote || !end.started) return { end, run };
    }
  }

  /** An account is not used any more. */
  leave(accountId: string): void {
    for (const seat of this.#shared) seat.accounts.delete(accountId);
  }

  /** Ends all children. */
  close(): void {
    for (const seat of this.#shared) seat.close();
    for (const { seat } of this.#suspects.values()) seat.close();
    this.#suspects.clear();
  }

  async #perform(accountId: string, run: JobRun): Promise<JobEnd> {
    const suspect = this.#suspects.get(accountId);
    const forMs = suspect === undefined ? Infinity : performance.now() - suspect.since;
    if (suspect !== undefined && forMs < aloneMs) return await suspect.seat.performAlone(run);
    if (suspect !== undefined && forMs < suspectMs) return await suspect.seat.perform(run);
    this.#suspects.delete(accountId); // its child ends when it is idle
    return await this.#seat(accountId).perform(run);
  }

  #suspect(accountId: string): void {
    const known = this.#suspects.get(accountId);
    if (known === undefined) this.#suspects.set(accountId, { seat: new Seat(), since: performance.now() });
    else known.since = performance.now();
  }

  #seat(accountId: string): Seat {
    const known = this.#shared.find((seat) => seat.accounts.has(accountId));
    const seat = known ?? this.#shared.toSorted((a, b) => a.accounts.size - b.accounts.size)[0]!;
    seat.accounts.add(accountId);
    return seat.events < busyEvents ? seat : this.#shared.toSorted((a, b) => a.events - b.events)[0]!;
  }
}
