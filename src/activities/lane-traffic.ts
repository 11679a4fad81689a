import type { CanaryShare } from '../core/canary.ts';
import { laneConnections } from '../core/concurrency.ts';
import type { ArchivedEvent, Position } from '../core/event.ts';
import type { Lane } from '../core/lane.ts';
import type { Task } from '../core/lane-types.ts';
import { sharedOutcomes, type Outcome } from '../core/outcome.ts';
import { outOfTime } from '../core/time-rule.ts';
import type { LaneKnowledge } from '../db/lane-knowledge.ts';
import type { TakenLane, Wanted } from '../db/lane-lease.ts';
import type { Copying } from '../db/copy-out.ts';
import { isOutage } from '../db/outage.ts';
import type { Queryable } from '../db/sql.ts';
import type { Delivery, Sender } from '../destinations/definition.ts';
import type { Accounts, LaneBudget } from './accounts.ts';
import { deliveriesOf } from './deliveries.ts';
import type { LaneMeter } from './lane-meter.ts';
import { LatestProfiles } from './latest-profiles.ts';
import { readLanePage, type Questions } from './lane-page.ts';
import type { Waiter } from './run-budget.ts';

/** Unsent deliveries below which the next page is read, and the most that a page holds: at least so many, or requests. */
const leastAhead = 1_000;
const requestsAhead = 4;
const longCloseMs = 2_000; // a lane waits for less without saying so

export interface TrafficDeps extends Pick<Questions, 'suppressed'> {
  readonly db: Queryable & Copying;
  readonly sender: Sender;
  readonly accounts: Accounts;
  readonly meter: LaneMeter;
  /** Milliseconds on a clock that only rises. */
  readonly now: () => number;
  /** Up to where the lane may read now. */
  readonly readable: () => Position;
  /** Whether something may leave now. */
  readonly mayWrite: () => boolean;
  /** The lane's share of a canary, null when there is none to wait for. */
  readonly canary: CanaryShare | null;
  /** Something was settled, read or has failed. */
  readonly onProgress: () => void;
}

/**
 * What goes in and out of a lane: pages of the archive and requests to the destination, side by side, each started as
 * soon as the lane, the pace and the lease allow.
 */
export class LaneTraffic implements Waiter {
  readonly #taken: TakenLane;
  readonly #known: LaneKnowledge;
  readonly #lane: Lane<ArchivedEvent>;
  readonly #deps: TrafficDeps;
  readonly #budget: LaneBudget;
  /** Null: identify calls go as they came. */
  readonly #profiles: LatestProfiles | null;
  #maxConcurrent: number | null = null;
  /** Since when each request has been under way, oldest first. */
  readonly #requests = new Set<{ readonly since: number }>();
  #reading = false;
  #failure: unknown = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(taken: TakenLane, known: LaneKnowledge, lane: Lane<ArchivedEvent>, deps: TrafficDeps) {
    this.#taken = taken;
    this.#known = known;
    this.#lane = lane;
    this.#deps = deps;
    this.#budget = deps.accounts.enter(taken);
    const { db } = deps;
    const asked = { db, goesOn: () => this.#maySend(), outOfTime: this.#outOfTime };
    this.#profiles = taken.profiles === 'latest' ? new LatestProfiles(taken, asked) : null;
    this.obey(taken.wanted);
  }

  /** What went wrong in reading or in taking in an outcome, null if nothing did. */
  get failure(): unknown {
    return this.#failure;
  }

  /** A request is under way. */
  get sending(): boolean {
    return this.#requests.size > 0;
  }

  /** Since when the oldest request has been under way, null when none is. */
  get oldest(): number | null {
    for (const { since } of this.#requests) return since;
    return null;
  }

  /** Neither a request nor a read is under way. */
  get quiet(): boolean {
    return this.#requests.size === 0 && !this.#reading;
  }

  /** There is more to read and room for it. */
  get mayRead(): boolean {
    return this.#lane.scannedTo < this.#deps.readable() && this.#lane.wantsMore(this.#pageSize);
  }

  /** A page that holds several requests' worth keeps requests full while the next one is read. */
  get #pageSize(): number {
    return Math.max(leastAhead, requestsAhead * this.#deps.sender.batchSize);
  }

  /** Takes over a pace that was changed while the lane is worked. */
  obey(wanted: Wanted): void {
    this.#budget.run.obey(wanted);
    this.#maxConcurrent = wanted.maxConcurrent;
  }

  /** Starts all that may start now, and wakes itself when time alone allows more. */
  pump(): void {
    clearTimeout(this.#timer);
    if (!this.#maySend()) return;
    const concurrency = this.#concurrency();
    const { run } = this.#budget;
    while (this.#requests.size < concurrency) {
      const leavesAt = run.now();
      const room = run.room(this, leavesAt);
      if (room === 0) {
        this.#awaitTurn();
        break;
      }
      const batch = this.#lane.next(this.#deps.now(), Math.min(this.#deps.sender.batchSize, room));
      if (batch.length === 0) break;
      this.#deps.meter.waitsNoMore(this.#deps.now());
      const until = run.take(batch.length, leavesAt);
      const rest = this.#withoutUnwanted(batch, this.#deps.now());
      if (rest.length > 0) void this.#send(rest, until);
    }
    this.#readMore();
    this.#armTimer();
  }

  /** It will never be this lane's turn. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.#deps.onProgress();
  }

  /** Starts nothing by itself any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#deps.meter.close(this.#deps.now());
    this.#budget.run.forget(this);
    this.#budget.leave();
  }

  #maySend(): boolean {
    return this.#failure === null && this.#deps.mayWrite();
  }

  /**
   * Asked when a request is written, perhaps long after it was handed over: its turn may be over, the account closed.
   */
  #mayWrite(deliveries: readonly Delivery[], until: number): boolean {
    return this.#budget.run.mayStillLeave(until) && this.#mayGoOn(deliveries);
  }

  /** What has begun to leave has had its turn; it ends when the lease does, or when somebody in it was suppressed. */
  #mayGoOn(deliveries: readonly Delivery[]): boolean {
    return this.#maySend() && !deliveries.some(({ event }) => this.#deps.suppressed(event));
  }

  /** The budget, or a 429 that any lane has heard, keeps it waiting. */
  #awaitTurn(): void {
    const { batchSize } = this.#deps.sender;
    const { run } = this.#budget;
    const now = this.#deps.now();
    if (run.closedForMs > longCloseMs) this.#lane.close(run.closedForMs, now);
    const free = this.#concurrency() - this.#requests.size;
    const events = this.#lane.ready(now); // as requests end, more may follow them within one block
    const requests = Math.min(free, Math.ceil(events / batchSize));
    if (events > 0) {
      this.#deps.meter.waits(now);
      run.waitFor(this, { events, requests, batchSize });
    }
  }

  /** A replay's concurrency is shared out over its lanes; a lane never has more than its destination allows it. */
  #concurrency(): number {
    const { concurrency } = this.#deps.sender;
    if (this.#maxConcurrent === null) return concurrency;
    const { lane, lanes } = this.#taken;
    return Math.max(1, Math.min(concurrency, laneConnections(this.#maxConcurrent, lane, lanes)));
  }

  /** Who was suppressed after his events had been read gets nothing either; nor is sent what has grown too old since. */
  #withoutUnwanted(batch: readonly Task<ArchivedEvent>[], now: number): readonly Task<ArchivedEvent>[] {
    return batch.filter((task) => {
      const ending = this.#endingOf(task.entry.event!);
      if (ending !== null) this.#lane.settle(task, ending, now);
      return ending === null;
    });
  }

  #endingOf(event: ArchivedEvent): Outcome | null {
    if (this.#deps.suppressed(event)) return { kind: 'suppressed' };
    const reason = this.#outOfTime(event);
    return reason === null ? null : { kind: 'tooOld', reason };
  }

  async #send(batch: readonly Task<ArchivedEvent>[], until: number): Promise<void> {
    const request = { since: this.#deps.now() };
    this.#requests.add(request);
    this.#budget.run.started();
    this.#deps.meter.sends();
    try {
      if (this.#profiles === null) await this.#deliver(batch, null, until, request.since);
      else await this.#deliverLatest(this.#profiles, batch, until);
    } catch (error) {
      this.#failure ??= error; // a promise was broken: that ends this slice, not the process and all other lanes
    }
    this.#requests.delete(request);
    this.#deps.meter.ended();
    this.#budget.run.ended();
    this.pump();
    this.#deps.onProgress();
  }

  /** Of identify calls what is newest goes, and those that have nothing to say end here. */
  async #deliverLatest(
    profiles: LatestProfiles,
    batch: readonly Task<ArchivedEvent>[],
    until: number,
  ): Promise<void> {
    const contents = await profiles.contentsOf(batch);
    const now = this.#deps.now();
    const events = new Map<Task<ArchivedEvent>, ArchivedEvent>();
    for (const [index, task] of batch.entries()) {
      const content = contents?.[index];
      if (content === undefined) this.#lane.settle(task, { kind: 'notSent' }, now);
      else if (content === 'superseded') this.#lane.settle(task, { kind: 'superseded' }, now);
      else events.set(task, content);
    }
    if (events.size > 0) await this.#deliver([...events.keys()], events, until, now);
  }

  /** @param events what goes out in place of the tasks' own events; null: these @param since when the request began */
  async #deliver(
    batch: readonly Task<ArchivedEvent>[],
    events: ReadonlyMap<Task<ArchivedEvent>, ArchivedEvent> | null,
    until: number,
    since: number,
  ): Promise<void> {
    const deliveries = deliveriesOf(this.#taken, batch, events);
    const traced = this.#deps.meter.traces(deliveries);
    const told = await this.#deps.sender.send(deliveries, {
      mayWrite: () => this.#mayWrite(deliveries, until),
      mayGoOn: () => this.#mayGoOn(deliveries),
    });
    const outcomes = sharedOutcomes(told, batch);
    traced?.(outcomes);
    this.#budget.account.heard(outcomes);
    this.#deps.meter.sent(batch, outcomes, this.#deps.now() - since);
    this.#lane.settleRequest(batch, outcomes, this.#deps.now());
  }

  #readMore(): void {
    if (this.#reading || !this.mayRead) return;
    this.#reading = true;
    void this.#readPage(this.#deps.readable());
  }

  async #readPage(upTo: Position): Promise<void> {
    const { db } = this.#deps;
    try {
      await this.#profiles?.list(upTo);
      const stretch = { after: this.#lane.scannedTo, upTo };
      const { sender, suppressed } = this.#deps;
      const questions = { suppressed, outOfTime: this.#outOfTime, sender };
      const page = await readLanePage(db, this.#taken, this.#known, questions, stretch, this.#pageSize);
      await this.#profiles?.foresee(page.offers.map(({ event }) => event));
      // What the last holder had read is within the share already.
      const whole = this.#lane.isBehind || this.#deps.canary === null;
      const { offers, scannedTo } = whole ? page : this.#deps.canary.cut(page);
      this.#lane.offer(offers, scannedTo);
    } catch (error) {
      // Who sends nothing now, or never again, does without the page; who may send again asks for it again.
      if (this.#maySend() || !isOutage(error)) this.#failure ??= error;
    }
    this.#reading = false;
    this.pump();
    this.#deps.onProgress();
  }

  /** Streams send what comes, whatever it says of its time. */
  readonly #outOfTime = (event: ArchivedEvent) => {
    const { takes } = this.#deps.sender;
    if (this.#taken.kind === 'stream' || takes == null) return null;
    return outOfTime(takes, event.timestamp.getTime(), Date.now());
  };

  #armTimer(): void {
    const wakeAt = this.#lane.wakeAt();
    if (wakeAt === null) return;
    const ms = wakeAt - this.#deps.now();
    if (ms > 0) this.#timer = setTimeout(() => this.pump(), ms);
  }
}
