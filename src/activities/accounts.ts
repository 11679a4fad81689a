import { budgetChannel, budgetNotice } from '../db/budget.ts';
import type { Database } from '../db/database.ts';
import type { TakenLane } from '../db/lane-lease.ts';
import { Listening } from '../db/listening.ts';
import { AccountBudget } from './account-budget.ts';
import type { RunBudget } from './run-budget.ts';

const keepMs = 1_000;

/** What a lane may send, for as long as it is worked. */
export interface LaneBudget {
  readonly run: RunBudget;
  /** Takes in how a request ended. */
  readonly account: Pick<AccountBudget, 'heard'>;
  leave(): void;
}

/**
 * The accounts that this process sends to. All lanes of a destination in one process share what is known of its account;
 * what another process finds out comes by a notification, and with each commit in case that one is lost.
 */
export class Accounts {
  readonly #db: Database;
  readonly #accounts = new Map<string, AccountBudget>();
  readonly #listening: Listening;
  #keeping: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(db: Database) {
    this.#db = db;
    this.#listening = new Listening(db, budgetChannel, (payload) => {
      const { destinationId, closedForMs } = budgetNotice(payload);
      const account = this.#accounts.get(destinationId);
      account?.told(closedForMs).catch(() => undefined); // the next commit tells the same
    });
  }

  /** A lane begins to be worked. */
  enter(taken: TakenLane): LaneBudget {
    this.#listen();
    const { id } = taken.destination;
    const account =
      this.#accounts.get(id) ??
      new AccountBudget(id, { db: this.#db, now: () => performance.now(), random: Math.random });
    this.#accounts.set(id, account);
    const run = account.enter(taken);
    const leave = () => {
      if (account.leave(taken.runId)) this.#accounts.delete(id);
    };
    return { run, account, leave };
  }

  /** Nobody may enter any more. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#keeping;
    this.#listening.close();
  }

  /** Listens from the first lane on, and again after Postgres has been away. */
  #listen(): void {
    if (this.#timer !== undefined) return;
    const keep = () => {
      this.#keeping = this.#keeping.then(() => this.#listening.keep()).catch(() => undefined);
    };
    keep();
    this.#timer = setInterval(keep, keepMs);
  }
}
