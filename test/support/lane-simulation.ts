import { Driver } from './simulation/driver.ts';
import { Person } from './simulation/person.ts';
import { scenarioOf, type Scenario } from './simulation/scenario.ts';
import { addUp, type Seeds, type SeedsLived } from './simulation/seeds.ts';
import { shrink } from './simulation/shrink.ts';
import type { SimSliceEnd } from './simulation/slice.ts';
import { isRightlyHeld } from './simulation/rightly-held.ts';
import { Violation } from './simulation/violation.ts';
import { World } from './simulation/world.ts';

/** How one history went. */
export interface Lived {
  readonly fault: { readonly kind: string; readonly message: string } | null;
  readonly ended: string;
  readonly seen: Readonly<Record<string, number>>;
  readonly trace: readonly string[];
}

const hour = 3_600_000;
const stepLimit = 400_000;
/** So long a zombie may sleep yet after the end. */
const afterglowMs = 60_000;

/** Lives through a scenario on virtual time; the same scenario gives the same history. */
export function live(scenario: Scenario, tracing = false): Lived {
  const history = new History(new World(scenario, tracing));
  let fault: Lived['fault'] = null;
  try {
    history.run();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const kind = error instanceof Violation ? error.kind : 'threw';
    fault = { kind, message: error instanceof Violation ? error.message : String(error.stack) };
  }
  const { ended, seen, trace } = history;
  return { fault, ended, seen, trace };
}

/** From which seed on, and how many: given from outside for a longer run or to live one again. */
export function seedsAsked(): Seeds {
  const { LANE_SEED, LANE_SEEDS } = process.env;
  return {
    from: Number(LANE_SEED ?? 1),
    count: Number(LANE_SEEDS ?? (LANE_SEED === undefined ? 200_000 : 1)),
  };
}

/** Lives through the histories of some seeds, up to the first that breaks a promise. */
export function liveSeeds({ from, count }: Seeds): SeedsLived {
  const total: Record<string, number> = {};
  for (let seed = from; seed < from + count; seed++) {
    const { fault, ended, seen } = live(scenarioOf(seed));
    if (fault !== null) return { total, failures: [{ seed, report: reportOf(seed, fault.kind) }] };
    addUp(total, { ...seen, [ended]: 1 });
  }
  return { total, failures: [] };
}

/** A history that breaks a promise, as small as it gets, with what happens in it. */
function reportOf(seed: number, kind: string): string {
  const scenario = shrink(scenarioOf(seed), (smaller) => live(smaller).fault?.kind === kind);
  const { fault, trace } = live(scenario, true);
  return [
    `LANE_SEED=${seed}: ${fault?.message}`,
    `In its smallest form: ${JSON.stringify(scenario)}`,
    ...trace.slice(-80),
  ].join('\n');
}

/** A run from its beginning to its end, with all that goes wrong and all that people want meanwhile. */
class History {
  readonly #world: World;
  readonly #driver: Driver;
  readonly #person: Person;
  #overAt: number | null = null;

  constructor(world: World) {
    this.#world = world;
    this.#driver = new Driver(world, (end) => this.#onSliceEnd(end));
    this.#person = new Person(world, this.#driver);
  }

  get ended(): string {
    return this.#world.db.run.endedAs ?? 'stream';
  }

  get trace(): readonly string[] {
    return this.#world.trace;
  }

  get seen(): Record<string, number> {
    const { witness, seen, scenario } = this.#world;
    const { slices } = this.#driver;
    return { ...witness.seen, ...seen, ...this.#person.seen, events: scenario.events.length, slices };
  }

  run(): void {
    const { agenda, db } = this.#world;
    this.#plan();
    this.#driver.begin();
    const limit = this.#timeLimit;
    for (let steps = 0; !this.#isOver && agenda.step(); steps++) {
      if (steps > stepLimit || agenda.now > limit)
        throw new Violation('never ends', `mark ${db.lane.mark}, at ${agenda.now}`);
    }
    if (this.#overAt === null) throw new Violation('never ends', 'nothing is to happen any more');
  }

  get #isOver(): boolean {
    return this.#overAt !== null && this.#world.agenda.now > this.#overAt + afterglowMs;
  }

  #plan(): void {
    const { agenda, scenario } = this.#world;
    for (const { at, worker, forMs } of scenario.crashes)
      agenda.after(at, () => this.#driver.kill(this.#driver.workerOf(worker), forMs));
    for (const { at, worker, forMs } of scenario.freezes)
      agenda.after(at, () => this.#driver.freeze(this.#driver.workerOf(worker), forMs));
    for (const { at, worker } of scenario.stops)
      agenda.after(at, () => this.#driver.stop(this.#driver.workerOf(worker)));
    for (const at of scenario.doubles) agenda.after(at, () => this.#driver.double());
    for (const { at, byMs } of scenario.clockJumps) agenda.after(at, () => this.#world.jump(byMs));
    for (const { at, forMs } of scenario.pauses) agenda.after(at, () => this.#person.pause(forMs));
    for (const { at, to } of scenario.extensions) agenda.after(at, () => this.#person.extend(to));
    for (const { at, user, forMs } of scenario.suppressions)
      agenda.after(at, () => this.#person.suppress(user, forMs));
    const stop = () => (scenario.deletes ? this.#person.delete() : this.#person.cancel());
    if (scenario.cancelAt !== null) agenda.after(scenario.cancelAt, stop);
    if (scenario.to === null)
      for (const at of new Set(scenario.events.map(({ arrivesAt }) => arrivesAt)))
        agenda.after(at, () => this.#driver.wake());
  }

  /** Each event that fails for ever may take its four hours, one behind the other, and what pauses take of them. */
  get #timeLimit(): number {
    const { events, calmAt, clockJumps, pauses } = this.#world.scenario;
    const broken = events.filter(({ traits }) => Object.values(traits).includes('broken')).length;
    const jumped = clockJumps.reduce((sum, { byMs }) => sum + Math.abs(byMs), 0);
    const paused = pauses.reduce((sum, { forMs }) => sum + forMs, 0);
    const arrived = events.at(-1)?.arrivesAt ?? 0;
    return calmAt + arrived + 4 * hour + (broken + 1) * 6 * hour + 2 * jumped + 2 * paused;
  }

  #onSliceEnd(end: SimSliceEnd): void {
    const { db, scenario, agenda } = this.#world;
    if (end.kind === 'done') this.#world.endIfDue();
    if (db.lane.held !== null && isRightlyHeld(this.#world)) this.#person.cancel();
    const last = scenario.events.at(-1)!;
    const isStreamDone =
      end.kind === 'idle' &&
      end.wakeInMs === null &&
      agenda.now >= last.arrivesAt &&
      db.lane.mark >= last.position;
    if (db.run.endedAs === null && !isStreamDone) return;
    this.#overAt ??= agenda.now;
    this.#driver.close();
    this.#checkEnd();
  }

  /** Nothing is left: every event of the range is behind the mark, where the recount has judged it, and none waits. */
  #checkEnd(): void {
    const { db, scenario } = this.#world;
    const { endedAs, to } = db.run;
    if (db.rows.size > 0) throw new Violation('ended with waiting rows', String(db.rows.size));
    if (endedAs === 'cancelled') return;
    const last = Math.min(to, scenario.events.at(-1)!.position);
    if (db.lane.mark < last) throw new Violation('ended too soon', `mark ${db.lane.mark} of ${last}`);
    if (endedAs !== null && (endedAs === 'completed') !== (db.dead.size === 0))
      throw new Violation('a status that lies', `${endedAs} with ${db.dead.size} dead`);
  }
}
