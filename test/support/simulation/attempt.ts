import { hasStoodStill, watchLease, type LeaseWatch } from '../../../src/core/lease.ts';
import type { SimTake, SimTaken } from './database.ts';
import { SimSlice, type SimSliceEnd } from './slice.ts';
import { SliceView } from './slice-view.ts';
import type { SimWorker } from './worker.ts';
import type { World } from './world.ts';

const lookEveryMs = 500;

/** One attempt of a slice on a worker: takes the lane, waiting for a holder to stand still if there is one, and works it. */
export class Attempt {
  readonly worker: SimWorker;
  readonly #world: World;
  readonly #onEnd: (end: SimSliceEnd) => void;
  readonly #begunAt: number;
  #slice: SimSlice | null = null;
  #stopped = false;

  constructor(world: World, worker: SimWorker, onEnd: (end: SimSliceEnd) => void) {
    this.#world = world;
    this.worker = worker;
    this.#onEnd = onEnd;
    this.#begunAt = worker.now;
    const watch = world.watchOf(worker);
    this.#look(watch, watch !== null && hasStoodStill(watch, worker.now) ? watch.renewals : null);
  }

  stop(): void {
    this.#stopped = true;
    this.#slice?.stop();
  }

  #look(watch: LeaseWatch | null, stale: number | null): void {
    const { worker } = this;
    if (this.#stopped || worker.now - this.#begunAt >= this.#world.scenario.sliceMs)
      return this.#onEnd({ kind: 'more' });
    const token = this.#world.freshToken();
    this.#world.ask(
      worker,
      () => this.#take(token, stale),
      (answer) => {
        if (answer === 'failed') return this.#onEnd({ kind: 'failed' });
        if (answer.value instanceof Taking) return this.#prepare(answer.value);
        const { value } = answer;
        if (value.kind === 'ended') return this.#onEnd({ kind: 'done' });
        if (value.kind === 'stopped') return this.#onEnd({ kind: 'stopped' });
        if (value.kind !== 'held') return;
        const seen = watchLease(watch, value.renewals, worker.now);
        if (seen.mayTake) this.#look(seen.watch, value.renewals);
        else worker.later(lookEveryMs, () => this.#look(seen.watch, null));
      },
    );
  }

  /** In the database: whoever held the lane before has it no longer. */
  #take(token: number, stale: number | null): Taking | Exclude<SimTake, SimTaken> {
    const { db, witness, scenario, agenda } = this.#world;
    const taken = db.take(token, stale);
    if (taken.kind !== 'taken') return taken;
    this.#world.renewed();
    this.#world.note(() => `${token} takes the lane${stale === null ? '' : ' over'}`);
    const { everSuppressed } = witness;
    const view = new SliceView(scenario, {
      token,
      taken,
      rows: db.rows.values(),
      streaks: this.#world.streaks,
      now: agenda.now,
      everSuppressed,
    });
    witness.takes(view);
    return new Taking(view, taken);
  }

  #prepare(taking: Taking): void {
    const { suppressionRevision } = taking.taken.wanted;
    this.#world.readSuppressions(this.worker, suppressionRevision, (known) => {
      if (known) this.#work(taking);
      else this.#onEnd({ kind: 'failed' });
    });
  }

  #work({ view, taken }: Taking): void {
    const { worker } = this;
    this.#slice = new SimSlice(this.#world, worker, {
      view,
      taken,
      takenAt: this.#begunAt,
      onEnd: this.#onEnd,
    });
    if (this.#stopped) this.#slice.stop();
  }
}

class Taking {
  readonly view: SliceView;
  readonly taken: SimTaken;

  constructor(view: SliceView, taken: SimTaken) {
    this.view = view;
    this.taken = taken;
  }
}
