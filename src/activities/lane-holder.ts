import { setTimeout as pause } from 'node:timers/promises';
import type { LaneCommit } from '../core/lane-types.ts';
import { leaseMs } from '../core/lease.ts';
import type { Database } from '../db/database.ts';
import { commitLane, LeaseLost, type LaneStanding } from '../db/lane-commit.ts';
import type { TakenLane, Wanted } from '../db/lane-lease.ts';
import { HealthNews, type TellNews } from './lane-news.ts';

const retryMs = 200;

/**
 * The lease on a lane. It lasts `leaseMs` from the moment at which its last renewal was begun, on this process's own
 * monotonic clock: a process that was stopped and wakes up finds it over.
 */
export class LaneHolder {
  readonly #db: Database;
  readonly #taken: TakenLane;
  readonly #now: () => number;
  readonly #news: HealthNews;
  #until: number;
  #wanted: Wanted;
  #failing = false;

  /** @param takenAt when the taking was begun */
  constructor(deps: { db: Database; now: () => number; tell: TellNews }, taken: TakenLane, takenAt: number) {
    const { db, now, tell } = deps;
    this.#db = db;
    this.#news = new HealthNews(taken, tell);
    this.#taken = taken;
    this.#now = now;
    this.#until = takenAt + leaseMs;
    this.#wanted = taken.wanted;
  }

  /** What the run's row wanted at the last commit. */
  get wanted(): Wanted {
    return this.#wanted;
  }

  /** Whether something may leave now: the lease lasts and what has been done before could be written down. */
  get mayWrite(): boolean {
    return !this.#failing && this.#now() < this.#until;
  }

  /**
   * Writes a commit and renews the lease. Tries again while the lease lasts: the same commit twice changes nothing.
   * @throws LeaseLost, or what the database threw last
   */
  async commit(commit: LaneCommit, standing: LaneStanding): Promise<void> {
    for (;;) {
      const begunAt = this.#now();
      try {
        this.#wanted = await commitLane(this.#db, this.#taken, commit, standing);
        this.#until = begunAt + leaseMs;
        this.#failing = false;
        return this.#news.written(standing.reason);
      } catch (error) {
        this.#failing = true; // nothing new is sent: it could not be written down
        if (error instanceof LeaseLost || this.#now() + retryMs >= this.#until) throw error;
        await pause(retryMs);
      }
    }
  }
}
