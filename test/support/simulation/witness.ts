import type { LaneCommit, Task } from '../../../src/core/lane-types.ts';
import { leftOut, SimCanary } from './canary.ts';
import type { SimDatabase } from './database.ts';
import { keyOf, nameOf } from './delivery-key.ts';
import type { SimRequest } from './destination.ts';
import type { Scenario, SimEvent } from './scenario.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import { namesOf, type SliceView } from './slice-view.ts';
import { Violation } from './violation.ts';

/** What has become of one delivery, as seen from outside. */
interface Story {
  readonly event: SimEvent;
  readonly actionId: string;
  /** Copies that the destination took, and how many more than one there may be. */
  copies: number;
  excuses: number;
  /** The request of the first copy that it answered with success. */
  firstIn: SimRequest | null;
  tries: number;
  /** How often it was set aside to be tried again at some time. */
  asides: number;
  firstFailedAt: number | null;
  everRefused: boolean;
}

const retryForMs = 4 * 60 * 60_000;
/** 13 minutes of tries and 3 h 21 min of the longest waits: one more of half an hour does not fit in. */
const retryRounds = 13;

/** Sees all that is sent, answered and written, and judges it without looking into the lane. */
export class Witness {
  readonly #scenario: Scenario;
  readonly #db: SimDatabase;
  readonly #now: () => number;
  readonly #canary: SimCanary;
  readonly #stories = new Map<number, Story>();
  /** Slices whose memory may still matter. */
  readonly #views = new Set<SliceView>();
  /** Nothing may be sent: a pause or a cancel was said to be true. */
  stopped: 'paused' | 'cancelled' | null = null;
  /** The end of the longest Retry-After that was heard by who then wrote something. */
  #closedUntil = 0;
  /** Users of whom nothing may be sent, as has been acknowledged. */
  readonly unsendable = new Set<string>();
  /** Deliveries that were once left out because of their user. */
  readonly everSuppressed = new Set<number>();
  /** Deliveries that were last decided with their user suppressed, or not. */
  readonly #suppressed = new Map<number, boolean>();
  /** By how much the wall clock went ahead of time, in all. */
  #clockRan = 0;
  #clockJumped = false;
  readonly seen = {
    copies: 0,
    repeats: 0,
    lossesInFlight: 0,
    cut: 0,
    probes: 0,
    outlasted: 0,
    refusals: 0,
    setAside: 0,
    adjourned: 0,
    dead: 0,
    notSent: 0,
    together: 0,
    stoppedInFlight: 0,
  };

  constructor(scenario: Scenario, db: SimDatabase, now: () => number) {
    this.#scenario = scenario;
    this.#db = db;
    this.#now = now;
    this.#canary = new SimCanary(scenario);
  }

  /** Somebody takes the lane: what its holders before him had not written is lost with them. */
  takes(view: SliceView): void {
    for (const other of this.#views) this.#abandons(other);
    this.#views.clear();
    this.#views.add(view);
  }

  /** A slice has handed the lane back. What it could not drain is lost. */
  leaves(view: SliceView): void {
    this.#abandons(view);
    this.#views.delete(view);
  }

  /** The database's wall clock jumps: what it measures is off by as much. */
  jumps(byMs: number): void {
    this.#clockRan += Math.max(0, byMs);
    this.#clockJumped = true;
    for (const view of this.#views) view.forgetsWaits();
  }

  /** A slice that must leave cuts off what is under way: it may arrive all the same. */
  cuts(view: SliceView): void {
    if (view.written.size > 0) this.seen.cut++;
    for (const key of view.written) this.#stories.get(key)!.excuses++;
  }

  /** What was under way, or taken and not written down, may be sent once more. */
  #abandons(view: SliceView): void {
    if (view.written.size > 0) this.seen.lossesInFlight++;
    for (const key of view.written) this.#stories.get(key)!.excuses++;
    for (const [key, { kind }] of view.told)
      if (kind === 'success' && !this.#db.has.has(key)) this.#stories.get(key)!.excuses++;
  }

  handsOut(view: SliceView, request: SimRequest): void {
    const now = this.#now();
    if (view.outlook.isDown) this.seen.probes++;
    view.handsOut(request, now);
    if (now < this.#closedUntil - 0.001 && !this.#clockJumped)
      throw new Violation('sent before Retry-After was over', `at ${now}: ${namesOf(request)}`);
    request.tasks.forEach((task, at) => this.#handsOutOne(task, request.events[at]!));
  }

  #handsOutOne(task: Task<SimEvent>, event: SimEvent): void {
    const { actionId } = task;
    const key = keyOf(event.position, actionId);
    const trait = event.traits[actionId];
    const needless = leftOut.includes(trait!) || (trait === 'had' && this.#scenario.mode !== 'all');
    const name = nameOf(event.position, actionId);
    if (needless) throw new Violation('sent what it should leave out', `${name} is ${trait}`);
    if (this.#db.has.has(key)) throw new Violation('sent what is written down as had', name);
    if (this.#db.dead.has(key)) throw new Violation('sent a dead letter', name);
    if (event.position > this.#canary.end && !this.#db.run.canaryPassed)
      throw new Violation('sent before the canary had passed', name);
    if (event.position > this.#db.run.to) throw new Violation('sent what is out of range', name);
  }

  /** A slice says that the first events are sent. */
  sentCanary(scannedTo: number): void {
    this.#canary.checkFull(scannedTo, this.#db);
  }

  /** A request is written to its socket. */
  sends(view: SliceView, request: SimRequest): void {
    if (this.#db.lane.token !== view.token) throw new Violation('sent without the lease', namesOf(request));
    if (this.stopped !== null) throw new Violation(`sent though ${this.stopped}`, namesOf(request));
    const unsendable = request.events.find(({ user }) => this.unsendable.has(user));
    if (unsendable !== undefined)
      throw new Violation('sent to who is suppressed', String(unsendable.position));
    request.tasks.forEach(({ actionId }, at) => {
      const story = this.#story(request.events[at]!, actionId);
      view.written.add(keyOf(story.event.position, actionId));
    });
  }

  /** The destination took a copy. */
  took(
    request: SimRequest,
    task: Task<SimEvent>,
    event: SimEvent,
    how: 'answered' | 'lost' | 'failed',
  ): void {
    const story = this.#story(event, task.actionId);
    this.seen.copies++;
    if (++story.copies > 1) this.seen.repeats++;
    if (story.copies > 1 + story.excuses)
      throw new Violation('a copy too many', nameOf(event.position, task.actionId));
    if (how !== 'answered') story.excuses++;
    if (how === 'failed' || story.firstIn !== null) return;
    story.firstIn = request;
    if (this.#scenario.orderBy !== 'none') this.#checkOrder(story);
  }

  /** A first success: no later event of the same key may have had one, but behind this one in one request. */
  #checkOrder(story: Story): void {
    for (const other of this.#stories.values()) {
      if (other.firstIn === null || other.event.position <= story.event.position) continue;
      if (this.#scenario.orderBy === 'user' && other.event.user !== story.event.user) continue;
      const together = other.firstIn.tasks.some(({ entry }) => entry.position === story.event.position);
      // Condemned or left out once, and the crash lost that.
      const key = keyOf(story.event.position, story.actionId);
      const passedOver = story.everRefused || this.everSuppressed.has(key);
      if (together || passedOver) continue;
      throw new Violation('order broken', `${story.event.position} after ${other.event.position}`);
    }
  }

  /** A lane is told how the deliveries of a request ended. */
  settles(view: SliceView, request: SimRequest, outcomes: readonly Outcome[]): void {
    const now = this.#now();
    request.tasks.forEach(({ actionId }, at) => {
      const outcome = outcomes[at]!;
      if (outcome.kind === 'notSent') this.seen.notSent++;
      if (outcome.kind !== 'refused' && outcome.kind !== 'failed') return;
      const story = this.#story(request.events[at]!, actionId);
      story.tries++;
      story.firstFailedAt ??= now;
      if ('together' in outcome) this.seen.together++;
      if (outcome.kind !== 'refused') return;
      this.seen.refusals++;
      story.everRefused = true;
    });
    const wasDown = view.outlook.isDown;
    view.settles(request, outcomes, now);
    const hasFailed = outcomes.every(({ kind }) => kind === 'failed');
    if (wasDown && !view.outlook.isDown && hasFailed) this.seen.outlasted++;
  }

  /** What a lane hands out to be written. */
  writes(view: SliceView, commit: LaneCommit): void {
    const now = this.#now();
    for (const row of commit.dead) {
      this.seen.dead++;
      const key = keyOf(row.position, row.actionId);
      const name = nameOf(row.position, row.actionId);
      const story = this.#stories.get(key);
      if (story === undefined) throw new Violation('condemned unheard', name);
      const old = now + this.#clockRan - (story.firstFailedAt ?? now) >= retryForMs;
      const exhausted = old && story.asides >= retryRounds;
      if (!exhausted && !view.isGuilty(key)) throw new Violation('condemned without cause', name);
      if ((row.ageMs < 0 && !this.#clockJumped) || row.attempts < 1 || row.attempts > story.tries)
        throw new Violation('a dead row that lies', JSON.stringify(row));
    }
    for (const row of commit.waiting) {
      this.seen.setAside++;
      const key = keyOf(row.position, row.actionId);
      const story = this.#stories.get(key);
      if ((row.dueInMs ?? 0) > 0 && view.told.get(key)?.kind === 'refused') this.seen.adjourned++;
      if (story !== undefined && row.dueInMs !== null && row.dueInMs > 0) story.asides++;
      const oldest = story?.firstFailedAt == null ? 0 : now + this.#clockRan - story.firstFailedAt;
      const young = row.ageMs !== null && row.ageMs < 0 && !this.#clockJumped;
      const lies = row.ageMs === null ? row.attempts > 0 : young || row.ageMs > oldest + 0.001;
      if (lies || row.attempts > (story?.tries ?? 0))
        throw new Violation('a waiting row that lies', JSON.stringify({ row, oldest, tries: story?.tries }));
    }
    view.writes(commit);
  }

  /** A commit is written: whoever takes the lane next knows until when the destination wants no request. */
  written(closedUntil: number, view: SliceView): void {
    for (const [key, suppressed] of view.suppressed) this.#suppressed.set(key, suppressed);
    this.#closedUntil = Math.max(this.#closedUntil, closedUntil);
  }

  /** Somebody asked for no more, and was told that it is so. */
  confirms(stopped: 'paused' | 'cancelled'): void {
    this.stopped = stopped;
    for (const view of this.#views) if (view.told.size > 0) this.seen.stoppedInFlight++;
  }

  /** Whether a delivery was left out because of its user. */
  isSuppressed(key: number): boolean {
    return this.#suppressed.get(key) === true;
  }

  /** Whether the destination answered that it has a delivery. */
  succeeded(key: number): boolean {
    return (this.#stories.get(key)?.firstIn ?? null) !== null;
  }

  #story(event: SimEvent, actionId: string): Story {
    const key = keyOf(event.position, actionId);
    let story = this.#stories.get(key);
    if (story === undefined) {
      const blank = {
        copies: 0,
        excuses: 0,
        firstIn: null,
        tries: 0,
        asides: 0,
        firstFailedAt: null,
        everRefused: false,
      };
      this.#stories.set(key, (story = { event, actionId, ...blank }));
    }
    return story;
  }
}
