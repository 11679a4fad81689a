import type { LaneCommit, LaneProgress } from '../../../src/core/lane-types.ts';
import type { Health } from '../../../src/core/health.ts';
import { leaseMs, type LeaseWatch } from '../../../src/core/lease.ts';
import { Agenda } from './agenda.ts';
import { SimDatabase, type Standing, type Wanted } from './database.ts';
import { nameOf } from './delivery-key.ts';
import { SimDestination } from './destination.ts';
import type { Streaks } from './outlook.ts';
import { Random } from './random.ts';
import { Recount } from './recount.ts';
import type { Scenario, SimEvent } from './scenario.ts';
import type { SliceView } from './slice-view.ts';
import { Violation } from './violation.ts';
import { Witness } from './witness.ts';
import { SimWorker } from './worker.ts';

/** A commit as it goes to the database, perhaps more than once. */
export interface CommitJob {
  readonly view: SliceView;
  readonly commit: LaneCommit;
  readonly standing: Standing;
  /** Until when the destination wants no request, as far as its writer knew. */
  readonly closedUntil: number;
  /** What its writer had heard of the destination since that took something last. */
  readonly streaks: Streaks;
}

/** What the database's answer came to: `failed` says nothing about whether it was done. */
export type Answer<T> = { readonly value: T } | 'failed';

/** All that slices have around them, and that goes on without them. */
export class World {
  readonly scenario: Scenario;
  readonly agenda = new Agenda();
  readonly random: Random;
  readonly db: SimDatabase;
  readonly witness: Witness;
  readonly destination: SimDestination;
  readonly workers: readonly SimWorker[];
  readonly byPosition: ReadonlyMap<number, SimEvent>;
  /** What happened, line by line; filled only when asked for. */
  readonly trace: string[] = [];
  readonly seen = { commits: 0, fenced: 0 };
  /** By how much the database's wall clock is ahead of time. */
  #clockAhead = 0;
  #jumpedAt = -Infinity;
  #renewedAt = 0;
  #tokens = 0;
  /** Of the last commit that was written. */
  streaks: Streaks = new Map();
  /** Somebody is to look at a run that paused itself. */
  onBrake: () => void = () => undefined;
  /** A holder may soon be thought dead. */
  onHang: () => void = () => undefined;
  readonly #recount: Recount;
  readonly #tracing: boolean;

  constructor(scenario: Scenario, tracing: boolean) {
    this.scenario = scenario;
    this.#tracing = tracing;
    this.random = new Random(scenario.seed ^ 0x5eed);
    this.workers = [0, 1].map((index) => new SimWorker(this.agenda, 1_000_000 * (index + 1)));
    const to = scenario.to ?? Number.MAX_SAFE_INTEGER;
    this.db = new SimDatabase(() => this.agenda.now + this.#clockAhead, to);
    this.witness = new Witness(scenario, this.db, () => this.agenda.now);
    this.destination = new SimDestination(scenario, this.random, this.agenda, this.witness);
    this.byPosition = new Map(scenario.events.map((event) => [event.position, event]));
    this.#recount = new Recount(scenario, this.db, this.witness, this.byPosition);
  }

  note(line: () => string): void {
    if (this.#tracing) this.trace.push(`${this.agenda.now.toFixed(0).padStart(9)} ${line()}`);
  }

  freshToken(): number {
    return ++this.#tokens;
  }

  get calm(): boolean {
    return this.agenda.now >= this.scenario.calmAt;
  }

  chance(probability: number): boolean {
    return !this.calm && this.random.chance(probability);
  }

  /** Up to where the archive can be read now. */
  get head(): number {
    const { now } = this.agenda;
    return this.scenario.events.findLast(({ arrivesAt }) => arrivesAt <= now)?.position ?? 0;
  }

  jump(byMs: number): void {
    this.note(() => `the wall clock jumps by ${byMs}`);
    this.#clockAhead += byMs;
    this.#jumpedAt = this.agenda.now;
    this.witness.jumps(byMs);
  }

  /** Whether a lease that lives has been renewed since the last jump, so that it is seen to live. */
  get clockIsSteady(): boolean {
    return this.agenda.now - this.#jumpedAt > leaseMs;
  }

  /** Ends the run if its time has come. */
  endIfDue(): void {
    if (this.db.run.desired !== 'cancelled' || this.clockIsSteady) this.db.endIfDue();
  }

  /** What a worker that looks at all leases, about once a second, has seen of the lane's. */
  watchOf(worker: SimWorker): LeaseWatch | null {
    const since = this.#renewedAt + this.random.int(0, 1_000) - this.agenda.now;
    const { released, renewals } = this.db.lane;
    return released || since > 0 ? null : { renewals, since: worker.now + since };
  }

  /** Somebody took the lane, or wrote something. */
  renewed(): void {
    this.#renewedAt = this.agenda.now;
  }

  /** A holder pauses the run. */
  brake(view: SliceView, reason: string): void {
    if (!view.outlook.isDown) throw new Violation('braked without cause', reason);
    if (!this.db.wish('paused', reason)) return;
    this.note(() => `brakes: ${reason}`);
    this.onBrake();
  }

  /** A worker reads which users are suppressed, unless it knows all up to a revision. */
  readSuppressions(worker: SimWorker, revision: number, then: (known: boolean) => void): void {
    if (worker.suppressed.revision >= revision) return then(true);
    this.ask(
      worker,
      () => this.suppressed,
      (answer) => {
        if (answer === 'failed') return then(false);
        worker.learns(answer.value);
        then(true);
      },
    );
  }

  /** Who is suppressed now, and up to which change. */
  get suppressed(): { revision: number; users: ReadonlySet<string> } {
    const { revision, users } = this.db.suppressed;
    return { revision, users: new Set(users) };
  }

  /** Asks the database for something; the answer may take long, be lost, or be of what was not done. */
  ask<T>(worker: SimWorker, work: () => T, answered: (answer: Answer<T>) => void): void {
    const { random, scenario } = this;
    const { life } = worker;
    const hangs = this.chance(scenario.dbHangs) ? random.int(500, 8_000) : 0;
    if (hangs > 4_000) this.onHang();
    const failsByChance = this.chance(scenario.dbFails);
    const lost = this.chance(scenario.dbAnswerLost);
    this.agenda.after(hangs + random.int(1, 20), () => {
      const { now } = this.agenda;
      const isAway = scenario.dbAway.some(({ from, to }) => from <= now && now < to);
      const answer: Answer<T> = failsByChance || isAway ? 'failed' : { value: work() };
      worker.later(random.int(1, 20), () => answered(lost ? 'failed' : answer), life);
    });
  }

  /** A commit arrives at the database. */
  commit(job: CommitJob): Wanted | null {
    const { view, commit, standing } = job;
    const { mark, counts, ahead } = this.db.lane;
    const told = deliveredIn(this.db.lane);
    const wanted = this.db.commit(view.token, commit, standing);
    if (wanted === null) {
      this.seen.fenced++;
      this.note(() => `a commit of ${view.token} is refused`);
      return null;
    }
    this.seen.commits++;
    this.streaks = job.streaks;
    this.renewed();
    this.witness.written(job.closedUntil, view);
    if (commit.mark < mark) throw new Violation('the mark fell', `${mark} to ${commit.mark}`);
    const isLess = deliveredIn(commit) < told;
    if (isLess && deliveredIn(commit) < told - this.#recount.judgedAnew.length)
      throw new Violation('what was told is taken back', `${told} delivered, then ${deliveredIn(commit)}`);
    const { bits, waiting, ended, dead, promote } = commit;
    const same = commit.mark === mark && commit.counts === counts && commit.ahead === ahead;
    // One that changes nothing need not be counted again.
    if (same && bits.length + waiting.length + ended.length + dead.length + promote.length === 0)
      return wanted;
    this.note(() => `commit of ${view.token}: ${lineOf(commit)}`);
    this.#recount.check();
    return wanted;
  }

  /** The lane takes the destination for down exactly when the answers say so. */
  compareHealth(view: SliceView, health: Health): void {
    const { isDown } = view.outlook;
    if ((health.down !== null) !== isDown)
      throw new Violation(isDown ? 'not taken for down' : 'taken for down', `at ${this.agenda.now}`);
  }
}

/** How many events are told to be delivered. */
function deliveredIn({ counts, ahead }: Pick<LaneProgress, 'counts' | 'ahead'>): number {
  return (counts.events.delivered ?? 0) + (ahead.events.delivered ?? 0);
}

/** What a commit changes, on one line. */
function lineOf({ mark, counts, waiting, ended, dead, promote }: LaneCommit): string {
  const delivery = (row: { position: number; actionId: string }) => nameOf(row.position, row.actionId);
  return [
    `mark ${mark} ${JSON.stringify(counts.events)}`,
    ...waiting.map((row) => `waits ${delivery(row)} ${row.dueInMs?.toFixed(0) ?? 'behind'}`),
    ...ended.map((row) => `ended ${delivery(row)}`),
    ...dead.map((row) => `dead ${delivery(row)}`),
    ...promote.map((orderKey) => `promotes ${orderKey}`),
  ].join(', ');
}
