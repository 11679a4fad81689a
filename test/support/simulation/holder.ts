import { leaseMs } from '../../../src/core/lease.ts';
import type { Wanted } from './database.ts';
import type { SliceView } from './slice-view.ts';
import type { SimWorker } from './worker.ts';
import type { CommitJob, World } from './world.ts';

const retryMs = 200;
const patienceMs = 2 * 60_000;

/** The lease on the lane as its holder counts it: from the beginning of the last renewal, on his own clock. */
export class SimHolder {
  readonly #world: World;
  readonly #worker: SimWorker;
  readonly #view: SliceView;
  readonly #isAlive: () => boolean;
  readonly #onLost: () => void;
  #until: number;
  #failing = false;
  /** It had run out before it was renewed: nothing leaves before what is wanted by now is obeyed. */
  #lapsed = false;
  /** Its worker is told to end. */
  leaves = false;
  wanted: Wanted;

  constructor(
    world: World,
    worker: SimWorker,
    params: {
      view: SliceView;
      takenAt: number;
      wanted: Wanted;
      isAlive: () => boolean;
      onLost: () => void;
    },
  ) {
    this.#world = world;
    this.#worker = worker;
    this.#view = params.view;
    this.#isAlive = params.isAlive;
    this.#onLost = params.onLost;
    this.#until = params.takenAt + leaseMs;
    this.wanted = params.wanted;
  }

  /** Whether something may leave now: the lease lasts and what has been done before could be written down. */
  get mayWrite(): boolean {
    return !this.#failing && !this.#lapsed && this.#worker.now < this.#until;
  }

  obeyed(): void {
    this.#lapsed = false;
  }

  /** Asks again while the database fails, unless that takes too long or the worker has to leave. */
  asks<T>(work: () => T, then: (value: T) => void): void {
    const giveUpAt = this.#worker.now + patienceMs;
    const ask = () =>
      this.#world.ask(this.#worker, work, (answer) => {
        if (!this.#isAlive()) return;
        if (answer !== 'failed') then(answer.value);
        else if (this.leaves || this.#worker.now >= giveUpAt) this.#onLost();
        else this.#worker.later(retryMs, ask);
      });
    ask();
  }

  /** Reads which users are suppressed, unless all is known up to what the last commit told. */
  reachSuppressions(then: () => void): void {
    if (this.#worker.suppressed.revision >= this.wanted.suppressionRevision) return then();
    this.asks(
      () => this.#world.suppressed,
      (read) => {
        this.#worker.learns(read);
        then();
      },
    );
  }

  commit(written: Pick<CommitJob, 'commit' | 'standing' | 'streaks'>, then: () => void): void {
    const { closedUntil } = this.#view.outlook;
    const giveUpAt = this.#worker.now + patienceMs;
    this.#write({ view: this.#view, ...written, closedUntil }, giveUpAt, then);
  }

  #write(job: CommitJob, giveUpAt: number, then: () => void): void {
    const begunAt = this.#worker.now;
    this.#world.ask(
      this.#worker,
      () => this.#world.commit(job),
      (answer) => {
        if (answer !== 'failed' && answer.value !== null) {
          this.wanted = answer.value;
          if (this.#worker.now >= this.#until) this.#lapsed = true;
          this.#until = begunAt + leaseMs;
          this.#failing = false;
          then();
          return;
        }
        this.#failing = true; // nothing new is sent: it could not be written down
        const lasts = this.#worker.now + retryMs < this.#until;
        const waits = !this.leaves && this.#worker.now < giveUpAt;
        if (answer !== 'failed' || !(lasts || waits)) this.#onLost();
        else this.#worker.later(retryMs, () => this.#write(job, giveUpAt, then));
      },
    );
  }
}
