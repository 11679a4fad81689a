import type { LaneCommit } from '../../../src/core/lane-types.ts';
import { leaseMs } from '../../../src/core/lease.ts';
import type { Standing, Wanted } from './database.ts';
import type { SliceView } from './slice-view.ts';
import type { SimWorker } from './worker.ts';
import type { CommitJob, World } from './world.ts';

const retryMs = 200;

/** The lease on the lane as its holder counts it: from the beginning of the last renewal, on his own clock. */
export class SimHolder {
  readonly #world: World;
  readonly #worker: SimWorker;
  readonly #view: SliceView;
  readonly #onLost: () => void;
  #until: number;
  #failing = false;
  wanted: Wanted;

  constructor(
    world: World,
    worker: SimWorker,
    params: { view: SliceView; takenAt: number; wanted: Wanted; onLost: () => void },
  ) {
    this.#world = world;
    this.#worker = worker;
    this.#view = params.view;
    this.#onLost = params.onLost;
    this.#until = params.takenAt + leaseMs;
    this.wanted = params.wanted;
  }

  /** Whether something may leave now: the lease lasts and what has been done before could be written down. */
  get mayWrite(): boolean {
    return !this.#failing && this.#worker.now < this.#until;
  }

  commit(commit: LaneCommit, standing: Standing, then: () => void): void {
    const { closedUntil } = this.#view.outlook;
    this.#write({ view: this.#view, commit, standing, closedUntil }, then);
  }

  #write(job: CommitJob, then: () => void): void {
    const begunAt = this.#worker.now;
    this.#world.ask(
      this.#worker,
      () => this.#world.commit(job),
      (answer) => {
        if (answer !== 'failed' && answer.value !== null) {
          this.wanted = answer.value;
          this.#until = begunAt + leaseMs;
          this.#failing = false;
          then();
          return;
        }
        this.#failing = true; // nothing new is sent: it could not be written down
        if (answer !== 'failed' || this.#worker.now + retryMs >= this.#until) this.#onLost();
        else this.#worker.later(retryMs, () => this.#write(job, then));
      },
    );
  }
}
