import { replayStatus } from '../../../src/core/replay-status.ts';
import type { Driver } from './driver.ts';
import type { World } from './world.ts';

/** Asks for things while the run goes on, and looks whether they are so. */
export class Person {
  readonly #world: World;
  readonly #driver: Driver;
  readonly seen = { paused: 0, cancelled: 0, deleted: 0, braked: 0, extended: 0, suppressed: 0 };
  readonly #suppressions = new Map<string, number>();
  #wish = 0;

  constructor(world: World, driver: Driver) {
    this.#world = world;
    this.#driver = driver;
    world.onBrake = () => this.looks();
  }

  pause(forMs: number): void {
    const { db } = this.#world;
    if (db.run.desired !== 'running' || !db.wish('paused')) return;
    this.#world.note(() => 'pause');
    this.#driver.wake();
    this.#resumesAfter(forMs);
  }

  /** The run has paused itself. */
  looks(): void {
    this.seen.braked++;
    this.#resumesAfter(this.#world.scenario.lookMs);
  }

  #resumesAfter(ms: number): void {
    const wish = ++this.#wish;
    this.#awaits(wish);
    this.#world.agenda.after(ms, () => {
      if (wish === this.#wish) this.#resume();
    });
  }

  cancel(): void {
    if (!this.#world.db.wish('cancelled')) return;
    this.#world.note(() => 'cancel');
    this.#world.witness.stopped = null;
    this.#driver.wake();
    this.#awaits(++this.#wish);
  }

  /** Deletes the destination: the run ends with it, at once if nobody works it. */
  delete(): void {
    const { db } = this.#world;
    if (db.run.endedAs !== null) return;
    this.seen.deleted++;
    this.cancel();
    this.#world.endIfDue();
  }

  suppress(user: string, forMs: number | null): void {
    const { db, agenda, witness } = this.#world;
    if (db.suppressed.users.has(user)) return;
    const revision = db.suppress(user, true);
    this.#suppressions.set(user, revision);
    this.#world.note(() => `suppress ${user}`);
    this.#awaitsHearing(user, revision);
    if (forMs === null) return;
    agenda.after(forMs, () => {
      this.#world.note(() => `lift ${user}`);
      this.#suppressions.delete(user);
      witness.unsendable.delete(user);
      db.suppress(user, false);
    });
  }

  /** Looks until every holder has heard of it: from then on nothing of the user may leave. */
  #awaitsHearing(user: string, revision: number): void {
    const { db, agenda, witness, random } = this.#world;
    if (this.#suppressions.get(user) !== revision) return;
    if (this.#world.clockIsSteady && db.hasHeard(revision)) {
      this.seen.suppressed++;
      this.#world.note(() => `${user} is suppressed`);
      witness.unsendable.add(user);
    } else agenda.after(random.pick([50, 200, 1_000]), () => this.#awaitsHearing(user, revision));
  }

  extend(to: number): void {
    const { db } = this.#world;
    if (!db.extend(to)) return;
    this.seen.extended++;
    this.#world.note(() => `extend to ${to}`);
    this.#driver.wake();
  }

  #resume(): void {
    const { db, witness } = this.#world;
    if (db.run.desired !== 'paused') return;
    this.#world.note(() => 'resume');
    witness.stopped = null;
    db.wish('running');
    this.#driver.wake();
  }

  /** Looks until the status says that it is so: from then on nothing may leave. */
  #awaits(wish: number): void {
    const { db, agenda, witness, random } = this.#world;
    if (wish !== this.#wish || witness.stopped !== null) return;
    if (db.run.desired === 'cancelled') this.#world.endIfDue();
    const { status } = replayStatus(db.facts);
    if ((status === 'paused' || status === 'cancelled') && this.#world.clockIsSteady) {
      this.seen[status]++;
      this.#world.note(() => `is ${status}`);
      witness.confirms(status);
      return;
    }
    agenda.after(random.pick([50, 200, 1_000]), () => this.#awaits(wish));
  }
}
