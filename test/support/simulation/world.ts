import type { LaneCommit } from '../../../src/core/lane-types.ts';
import type { Health } from '../../../src/core/health.ts';
import { Agenda } from './agenda.ts';
import { SimDatabase } from './database.ts';
import { SimDestination } from './destination.ts';
import { Random } from './random.ts';
import { Recount } from './recount.ts';
import type { Scenario, SimEvent } from './scenario.ts';
import { Violation, Witness } from './witness.ts';

/** All that a slice has around it, and that goes on without it. */
export class World {
  readonly scenario: Scenario;
  readonly agenda = new Agenda();
  readonly random: Random;
  readonly db = new SimDatabase();
  readonly witness: Witness;
  readonly destination: SimDestination;
  readonly byPosition: ReadonlyMap<number, SimEvent>;
  /** What happened, line by line; filled only when asked for. */
  readonly trace: string[] = [];
  commits = 0;
  readonly #recount: Recount;
  readonly #tracing: boolean;

  constructor(scenario: Scenario, tracing: boolean) {
    this.scenario = scenario;
    this.#tracing = tracing;
    this.random = new Random(scenario.seed ^ 0x5eed);
    this.witness = new Witness(scenario, this.db, () => this.agenda.now);
    this.destination = new SimDestination(scenario, this.random, this.agenda, this.witness);
    this.byPosition = new Map(scenario.events.map((event) => [event.position, event]));
    this.#recount = new Recount(scenario, this.db, this.witness);
  }

  note(line: () => string): void {
    if (this.#tracing) this.trace.push(`${this.agenda.now.toFixed(0).padStart(9)} ${line()}`);
  }

  /** Up to where the archive can be read at a time. */
  readable(now: number): number {
    return this.scenario.events.findLast(({ arrivesAt }) => arrivesAt <= now)?.position ?? 0;
  }

  /** A commit is done. */
  apply(commit: LaneCommit, health: Health): void {
    this.commits++;
    if (commit.mark < this.db.mark) throw new Violation('the mark fell', `${this.db.mark} to ${commit.mark}`);
    const { bits, waiting, ended, dead, promote } = commit;
    const same =
      commit.mark === this.db.mark && commit.counts === this.db.counts && commit.ahead === this.db.ahead;
    const silent = same && bits.length + waiting.length + ended.length + dead.length + promote.length === 0;
    this.db.apply(commit, health, this.agenda.now);
    // One that changes nothing need not be counted again.
    if (silent) return;
    this.note(() => `commit ${lineOf(commit)}`);
    this.#recount.check();
  }

  /** The lane takes the destination for down exactly when the answers say so. */
  compareHealth(health: Health): void {
    const { isDown } = this.witness.outlook;
    if ((health.down !== null) !== isDown)
      throw new Violation(isDown ? 'not taken for down' : 'taken for down', `at ${this.agenda.now}`);
  }
}

/** What a commit changes, on one line. */
function lineOf({ mark, counts, waiting, ended, dead, promote }: LaneCommit): string {
  const delivery = ({ position, actionId }: { position: number; actionId: string }) =>
    `${position}/${actionId}`;
  return [
    `mark ${mark} ${JSON.stringify(counts.events)}`,
    ...waiting.map((row) => `waits ${delivery(row)} ${row.dueInMs?.toFixed(0) ?? 'behind'}`),
    ...ended.map((row) => `ended ${delivery(row)}`),
    ...dead.map((row) => `dead ${delivery(row)}`),
    ...promote.map((orderKey) => `promotes ${orderKey}`),
  ].join(', ');
}
