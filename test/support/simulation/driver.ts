import { Attempt } from './attempt.ts';
import type { SimSliceEnd } from './slice.ts';
import type { SimWorker } from './worker.ts';
import type { World } from './world.ts';

/** Attempts that go on beside each other. */
const mostAttempts = 4;
const heartbeatTimeoutMs = 10_000;
/** A wake-up may be lost; then the lane looks by itself. */
const lookAgainMs = 5 * 60_000;

/** Drives the lane slice after slice, as its workflow does, and begins anew elsewhere what it hears nothing of. */
export class Driver {
  readonly #world: World;
  readonly #onIdle: (end: SimSliceEnd) => void;
  #current: Attempt | null = null;
  #attempts = new Set<Attempt>();
  /** Which wait is on; a wake-up or a new attempt ends it. */
  #turn = 0;
  #waits = false;
  #closed = false;
  slices = 0;

  /** @param onIdle is told how each attempt ended that was still waited for, before the next begins */
  constructor(world: World, onIdle: (end: SimSliceEnd) => void) {
    this.#world = world;
    this.#onIdle = onIdle;
    world.onHang = () => world.agenda.after(world.random.int(0, 1_000), () => this.double());
  }

  begin(): void {
    if (this.#closed) return;
    const { workers, random, agenda } = this.#world;
    const turn = ++this.#turn;
    this.#waits = false;
    const ready = workers.filter((worker) => worker.polls);
    if (ready.length === 0) return agenda.after(200, () => turn === this.#turn && this.begin());
    this.slices++;
    const attempt: Attempt = new Attempt(this.#world, random.pick(ready), (end) => this.#ends(attempt, end));
    this.#current = attempt;
    this.#attempts.add(attempt);
  }

  /** A person, or an append, has something to say to a lane that sleeps. */
  wake(): void {
    if (this.#waits) this.begin();
  }

  /** A slice is begun beside one that is at work, as when nothing was heard of it. */
  double(): void {
    if (this.#current !== null && this.#attempts.size < mostAttempts) this.begin();
  }

  /** The worker of a mishap. @param index null: the one at work, if there is one */
  workerOf(index: number | null): SimWorker {
    const { workers } = this.#world;
    return index === null ? (this.#current?.worker ?? workers[0]!) : workers[index]!;
  }

  /** The run is over: nothing is begun any more, but what is at work goes on. */
  close(): void {
    this.#closed = true;
  }

  /** A worker is told to end: what it works on drains. */
  stop(worker: SimWorker): void {
    for (const attempt of this.#attempts) if (attempt.worker === worker) attempt.stop();
  }

  kill(worker: SimWorker, downMs: number): void {
    this.#world.note(() => `worker ${this.#world.workers.indexOf(worker)} dies for ${downMs}`);
    worker.kill(downMs);
    for (const attempt of this.#attempts) if (attempt.worker === worker) this.#attempts.delete(attempt);
    this.#missHeartbeat(worker);
  }

  freeze(worker: SimWorker, forMs: number): void {
    this.#world.note(() => `worker ${this.#world.workers.indexOf(worker)} stands still for ${forMs}`);
    worker.freeze(forMs);
    if (forMs >= heartbeatTimeoutMs) this.#missHeartbeat(worker);
  }

  /** A worker is silent: if its slice does not end meanwhile, it is begun elsewhere. */
  #missHeartbeat(worker: SimWorker): void {
    const current = this.#current;
    if (current?.worker !== worker) return;
    this.#world.agenda.after(heartbeatTimeoutMs, () => {
      if (current === this.#current) this.begin();
    });
  }

  #ends(attempt: Attempt, end: SimSliceEnd): void {
    this.#attempts.delete(attempt);
    if (attempt !== this.#current) return;
    this.#current = null;
    this.#world.note(() => `the slice ends: ${JSON.stringify(end)}`);
    this.#onIdle(end);
    const { random, db } = this.#world;
    const isCanary = this.#settleCanary() ? false : end.kind === 'canary';
    switch (end.kind) {
      case 'more':
        return this.#waitFor(random.int(0, 500));
      case 'failed':
        return this.#waitFor(random.pick([1_000, 2_000, 10_000]));
      case 'done':
        return this.#waitFor(lookAgainMs);
      case 'canary':
      case 'stopped':
        return this.#waitFor(db.run.desired === 'running' && !isCanary ? 0 : lookAgainMs);
      default:
        return this.#waitFor(Math.min(lookAgainMs, end.wakeInMs ?? lookAgainMs));
    }
  }

  /** @returns whether the run goes on now */
  #settleCanary(): boolean {
    const { db, scenario, onBrake } = this.#world;
    if (scenario.canary === null || scenario.to === null || db.run.canaryPassed) return false;
    const ran = db.run.desired === 'running';
    const goesOn = db.settleCanary(scenario.canary.then);
    if (ran && db.run.desired === 'paused') onBrake();
    return goesOn;
  }

  #waitFor(ms: number): void {
    const turn = ++this.#turn;
    this.#waits = true;
    this.#world.agenda.after(ms, () => {
      if (turn === this.#turn) this.begin();
    });
  }
}
