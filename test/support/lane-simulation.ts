import { scenarioOf, type Scenario } from './simulation/scenario.ts';
import { addUp, type Seeds, type SeedsLived } from './simulation/seeds.ts';
import { shrink } from './simulation/shrink.ts';
import { SimSlice, type SimSliceEnd } from './simulation/slice.ts';
import { Violation } from './simulation/witness.ts';
import { World } from './simulation/world.ts';

/** How one history went. */
export interface Lived {
  readonly fault: { readonly kind: string; readonly message: string } | null;
  readonly ended: 'done' | 'held';
  readonly seen: Readonly<Record<string, number>>;
  readonly trace: readonly string[];
}

const hour = 3_600_000;
const stepLimit = 400_000;

/** Lives through a scenario on virtual time; the same scenario gives the same history. */
export function live(scenario: Scenario, tracing = false): Lived {
  const world = new World(scenario, tracing);
  const history = new History(world);
  let fault: Lived['fault'] = null;
  try {
    history.run();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const kind = error instanceof Violation ? error.kind : 'threw';
    fault = { kind, message: error instanceof Violation ? error.message : String(error.stack) };
  }
  const { seen } = world.witness;
  const { commits, trace } = world;
  const { ended, slices } = history;
  return { fault, ended, seen: { ...seen, events: scenario.events.length, commits, slices }, trace };
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
  const total: Record<string, number> = { done: 0, held: 0 };
  for (let seed = from; seed < from + count; seed++) {
    const { fault, ended, seen } = live(scenarioOf(seed));
    if (fault !== null) return { total, failures: [{ seed, report: reportOf(seed, fault.kind) }] };
    total[ended]!++;
    addUp(total, seen);
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

/** The slices of a lane, one after another, and the crashes between them. */
class History {
  readonly #world: World;
  #slice: SimSlice | null = null;
  #over = false;
  ended: Lived['ended'] = 'done';
  slices = 0;

  constructor(world: World) {
    this.#world = world;
  }

  run(): void {
    const { agenda, scenario } = this.#world;
    for (const at of scenario.crashes) agenda.after(at, () => this.#crash());
    for (const at of scenario.stops) agenda.after(at, () => this.#slice?.stop());
    this.#begin(true);
    const limit = this.#timeLimit;
    for (let steps = 0; !this.#over && agenda.step(); steps++) {
      if (steps > stepLimit || agenda.now > limit)
        throw new Violation('never ends', `mark ${this.#world.db.mark}, at ${agenda.now}`);
    }
    if (!this.#over) throw new Violation('never ends', 'nothing is to happen any more');
    if (this.ended === 'done') this.#checkEnd();
  }

  /** Each event that fails for ever may take its four hours, one behind the other. */
  get #timeLimit(): number {
    const { events, calmAt } = this.#world.scenario;
    const broken = events.filter(({ traits }) => Object.values(traits).includes('broken')).length;
    return calmAt + (events.at(-1)?.arrivesAt ?? 0) + 2 * hour + (broken + 1) * 5 * hour;
  }

  #begin(forgot: boolean): void {
    if (this.#over || this.#slice !== null) return;
    this.slices++;
    this.#world.witness.begin(forgot);
    this.#world.note(() => `slice ${this.slices}`);
    this.#slice = new SimSlice(this.#world, (end) => this.#leave(end));
  }

  #leave(end: SimSliceEnd): void {
    const { agenda, random } = this.#world;
    this.#slice = null;
    this.#world.note(() => `slice ends: ${JSON.stringify(end)}`);
    if (end.kind === 'done' || (end.kind === 'held' && this.#isRightlyHeld())) {
      this.ended = end.kind;
      this.#over = true;
      return;
    }
    const wakeIn = 'wakeAt' in end ? Math.max(0, end.wakeAt - agenda.now) : 0;
    agenda.after(wakeIn + random.int(0, 500), () => this.#begin(false));
  }

  #crash(): void {
    const slice = this.#slice;
    if (slice === null) return;
    this.#world.note(() => 'crash');
    slice.kill();
    this.#world.witness.crashes();
    this.#slice = null;
    this.#world.agenda.after(5_000 + this.#world.random.int(0, 1_000), () => this.#begin(true));
  }

  /**
   * In calm weather a lane stays held only when all that is left, and can be seen, fails for ever or is refused as a
   * streak, or stands behind such.
   */
  #isRightlyHeld(): boolean {
    const { agenda, scenario, db, witness } = this.#world;
    if (agenda.now < scenario.calmAt + hour) return false;
    const stuck = new Set<string>();
    const poison = new Set<number>();
    const users = new Set<string>();
    let broken = false;
    let hidden = false;
    for (const event of scenario.events) {
      const key =
        scenario.orderBy === 'none' ? String(event.position) : scenario.orderBy === 'user' ? event.user : '*';
      for (const action of scenario.actions) {
        const trait = event.traits[action]!;
        const delivery = `${event.position}/${action}`;
        if (db.dead.has(delivery) || witness.succeeded(event.position, action)) continue;
        if (['untriggered', 'elsewhere', 'malformed'].includes(trait)) continue;
        if (trait === 'had' && scenario.mode !== 'all') continue;
        if (trait === 'broken') broken = true;
        if (trait === 'poison') {
          poison.add(event.position);
          users.add(event.user);
        }
        if (trait === 'poison' || trait === 'broken') stuck.add(key);
        else if (!stuck.has(key)) hidden = true;
      }
    }
    const { windowLimit, unsentLimit, pageSize } = scenario;
    const narrow = windowLimit < 1_000 || unsentLimit < 1_000 || pageSize < 10;
    if (hidden && !narrow) return false;
    // After a streak of refusals a single refused event is not told from a destination that goes on refusing.
    const streak = db.held?.reason === 'destination_refuses';
    return broken || (streak && poison.size > 0) || (poison.size >= 5 && users.size >= 2);
  }

  /** Nothing is left: every event is behind the mark, where the recount has judged it, and none waits. */
  #checkEnd(): void {
    const { db, scenario } = this.#world;
    const last = scenario.events.at(-1)!.position;
    if (db.mark < last) throw new Violation('ended too soon', `mark ${db.mark} of ${last}`);
    if (db.rows.size > 0) throw new Violation('ended with waiting rows', String(db.rows.size));
  }
}
