import { covers } from '../../../src/core/coverage.ts';
import type { LaneCommit, Task } from '../../../src/core/lane-types.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import { deliveryKey, type SimDatabase } from './database.ts';
import type { SimRequest } from './destination.ts';
import { Outlook } from './outlook.ts';
import type { Scenario, SimEvent } from './scenario.ts';

/** A broken promise. `kind` names which one. */
export class Violation extends Error {
  readonly kind: string;

  constructor(kind: string, detail: string) {
    super(`${kind}: ${detail}`);
    this.kind = kind;
  }
}

/** What has become of one delivery, as seen from outside. */
interface Story {
  readonly event: SimEvent;
  readonly actionId: string;
  /** Copies that the destination took, and how many more than one there may be. */
  copies: number;
  excuses: number;
  /** The request of the first copy that it answered with success. */
  firstIn: SimRequest | null;
  firstPlace: number;
  tries: number;
  firstFailedAt: number | null;
  everRefused: boolean;
  inFlight: SimRequest | null;
  /** What the present slice was told last. */
  told: 'success' | 'refused' | 'failed' | null;
  refusedAt: number;
}

const retryForMs = 4 * 60 * 60_000;

/** Sees all that is sent, answered and written, and judges it without looking into the lane. */
export class Witness {
  readonly #scenario: Scenario;
  readonly #db: SimDatabase;
  readonly #now: () => number;
  readonly #stories = new Map<string, Story>();
  #places = 0;
  /** Order of settlements in the present slice, and the last one that could condemn. */
  #turn = 0;
  #condemnedAt = 0;
  outlook = new Outlook();
  readonly seen = { copies: 0, repeats: 0, crashesInFlight: 0, probes: 0, refusals: 0, setAside: 0, dead: 0 };

  constructor(scenario: Scenario, db: SimDatabase, now: () => number) {
    this.#scenario = scenario;
    this.#db = db;
    this.#now = now;
  }

  /** A slice begins. @param forgot nothing of the last one's view of the destination came over */
  begin(forgot: boolean): void {
    this.outlook = forgot ? Outlook.after(this.#db.held) : this.outlook.handedOver();
    this.#turn = 0;
    this.#condemnedAt = 0;
    for (const story of this.#stories.values()) {
      story.inFlight = null;
      story.told = null;
    }
  }

  sends(request: SimRequest, inFlightBefore: number): void {
    const now = this.#now();
    if (this.outlook.isDown) this.seen.probes++;
    const fault = this.outlook.faultOfSending(request.tasks.length, inFlightBefore, now);
    if (fault !== null) throw new Violation(fault, `at ${now}: ${name(request)}`);
    if (request.tasks.length > this.#scenario.batchSize)
      throw new Violation('batch too large', name(request));
    request.tasks.forEach((task, at) => this.#sendsOne(request, task, request.events[at]!));
  }

  #sendsOne(request: SimRequest, task: Task<SimEvent>, event: SimEvent): void {
    const story = this.#story(event, task.actionId);
    const key = deliveryKey(event.position, task.actionId);
    const trait = event.traits[task.actionId];
    const needless =
      trait === 'untriggered' || trait === 'elsewhere' || (trait === 'had' && this.#leavesOutHad);
    if (needless) throw new Violation('sent what it should leave out', `${key} is ${trait}`);
    if (covers(this.#db.own.get(task.actionId), event.position))
      throw new Violation('sent what is written down as had', key);
    if (this.#db.dead.has(key)) throw new Violation('sent a dead letter', key);
    if (story.inFlight !== null) throw new Violation('sent twice at once', key);
    if (task.actionId !== request.tasks[0]!.actionId) throw new Violation('two actions in one request', key);
    if (this.#scenario.orderBy !== 'none') {
      for (const other of this.#stories.values()) {
        const aside = other.inFlight === null || other.inFlight === request || other.event === event;
        if (!aside && this.#orderedBy(other.event) === this.#orderedBy(event))
          throw new Violation('two requests of one order key at once', `${key} and ${other.event.position}`);
      }
    }
    story.inFlight = request;
  }

  get #leavesOutHad(): boolean {
    return this.#scenario.mode !== 'all';
  }

  /** The destination took a copy. */
  took(
    request: SimRequest,
    task: Task<SimEvent>,
    event: SimEvent,
    how: 'answered' | 'lost' | 'failed',
  ): void {
    const story = this.#story(event, task.actionId);
    const key = deliveryKey(event.position, task.actionId);
    this.seen.copies++;
    if (++story.copies > 1) this.seen.repeats++;
    if (story.copies > 1 + story.excuses) throw new Violation('a copy too many', key);
    if (how !== 'answered') story.excuses++;
    if (how === 'failed' || story.firstIn !== null) return;
    story.firstIn = request;
    story.firstPlace = ++this.#places;
    if (this.#scenario.orderBy !== 'none') this.#checkOrder(story);
  }

  /** A first success: no later event of the same key may have had one, but behind this one in one request. */
  #checkOrder(story: Story): void {
    for (const other of this.#stories.values()) {
      if (other.firstIn === null || other.event.position <= story.event.position) continue;
      if (this.#orderedBy(other.event) !== this.#orderedBy(story.event)) continue;
      const together = other.firstIn.tasks.some(({ entry }) => entry.position === story.event.position);
      // Condemned once, and the crash lost that.
      if (together || story.everRefused) continue;
      throw new Violation('order broken', `${story.event.position} after ${other.event.position}`);
    }
  }

  #orderedBy(event: SimEvent): string {
    return this.#scenario.orderBy === 'strict' ? '*' : event.user;
  }

  /** The lane is told how a delivery ended. */
  settles(task: Task<SimEvent>, event: SimEvent, outcome: Outcome): void {
    const now = this.#now();
    const story = this.#story(event, task.actionId);
    story.inFlight = null;
    this.#turn++;
    switch (outcome.kind) {
      case 'delivered':
      case 'unconfirmable':
        story.told = 'success';
        if (!this.outlook.isDown) this.#condemnedAt = this.#turn;
        break;
      case 'refused':
      case 'failed':
        story.tries++;
        story.firstFailedAt ??= now;
        story.told = outcome.kind;
        if (outcome.kind === 'refused') {
          this.seen.refusals++;
          story.everRefused = true;
          story.refusedAt = this.#turn;
        }
        break;
      default:
    }
    this.outlook.hears(outcome, event, now);
  }

  /** The lane was told that nothing more comes. */
  judged(): void {
    this.#condemnedAt = ++this.#turn;
  }

  /** What the lane hands out to be written. */
  writes(commit: LaneCommit): void {
    const now = this.#now();
    for (const row of commit.dead) {
      this.seen.dead++;
      const key = deliveryKey(row.position, row.actionId);
      const story = this.#stories.get(key);
      if (story === undefined) throw new Violation('condemned unheard', key);
      const exhausted = now - (story.firstFailedAt ?? now) >= retryForMs;
      const guilty = story.told === 'refused' && story.refusedAt < this.#condemnedAt;
      if (!exhausted && !guilty) throw new Violation('condemned without cause', key);
      if (row.ageMs < 0 || row.attempts < 1) throw new Violation('a dead row that lies', JSON.stringify(row));
    }
    for (const row of commit.waiting) {
      this.seen.setAside++;
      const story = this.#stories.get(deliveryKey(row.position, row.actionId));
      const oldest = story?.firstFailedAt == null ? 0 : now - story.firstFailedAt;
      const lies = row.ageMs === null ? row.attempts > 0 : row.ageMs < 0 || row.ageMs > oldest + 0.001;
      if (lies || row.attempts > (story?.tries ?? 0))
        throw new Violation('a waiting row that lies', JSON.stringify({ row, oldest, tries: story?.tries }));
    }
  }

  /** Memory is lost: what was under way, or taken and not written down, may be sent once more. */
  crashes(): void {
    let inFlight = 0;
    for (const story of this.#stories.values()) {
      const unwritten = !covers(this.#db.own.get(story.actionId), story.event.position);
      if (story.inFlight !== null) inFlight++;
      if (story.inFlight !== null || (story.told === 'success' && unwritten)) story.excuses++;
    }
    if (inFlight > 0) this.seen.crashesInFlight++;
  }

  /** Whether the destination answered that it has a delivery. */
  succeeded(position: number, actionId: string): boolean {
    return (this.#stories.get(deliveryKey(position, actionId))?.firstIn ?? null) !== null;
  }

  #story(event: SimEvent, actionId: string): Story {
    const key = deliveryKey(event.position, actionId);
    let story = this.#stories.get(key);
    if (story === undefined) {
      const blank = { copies: 0, excuses: 0, firstIn: null, firstPlace: 0, tries: 0, firstFailedAt: null };
      const untold = { everRefused: false, inFlight: null, told: null, refusedAt: 0 };
      this.#stories.set(key, (story = { event, actionId, ...blank, ...untold }));
    }
    return story;
  }
}

function name(request: SimRequest): string {
  return request.tasks.map(({ entry, actionId }) => deliveryKey(entry.position, actionId)).join(' ');
}
