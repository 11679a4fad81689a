import type { Due, LaneCommit, Task } from '../../../src/core/lane-types.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import type { SimTaken } from './database.ts';
import { keyOf, nameOf } from './delivery-key.ts';
import type { SimRequest } from './destination.ts';
import { InHand } from './in-hand.ts';
import { Outlook, type Streaks } from './outlook.ts';
import type { Scenario, SimEvent } from './scenario.ts';
import { Violation } from './violation.ts';
import type { SimRow } from './waiting-rows.ts';

/** What a slice was told last of a delivery. */
interface Told {
  kind: 'success' | 'refused' | 'failed';
  readonly at: number;
  /** Nothing older of its order key was under way: what it is told is about itself. */
  alone: boolean;
}

const ended: readonly Outcome['kind'][] = ['delivered', 'unconfirmable', 'invalid', 'suppressed'];
/** A fifth of a second less its jitter. */
const shortestRetryMs = 160;

/** What one slice has sent and heard, and what follows from that: its lane is judged by it without a look inside. */
export class SliceView {
  readonly #scenario: Scenario;
  readonly #everSuppressed: Set<number>;
  readonly token: number;
  readonly outlook: Outlook;
  readonly inHand: InHand;
  /** Handed out, and of these what was written to a socket. */
  readonly handed = new Map<number, SimRequest>();
  readonly written = new Set<number>();
  readonly told = new Map<number, Told>();
  /** How many its next request may carry, after one that failed as a whole. */
  readonly #mostTogether = new Map<number, number>();
  readonly suppressed = new Map<number, boolean>();
  /** Refused alone, and then a success came: must die with the next commit. */
  readonly #condemned = new Set<number>();
  readonly #died = new Set<number>();
  /** Requests by number, the last of them that was taken, and how many had left when a delivery failed last. */
  #requests = 0;
  readonly #numbers = new WeakMap<SimRequest, number>();
  #lastTaken = 0;
  readonly #failedAfter = new Map<number, { readonly requests: number; readonly errorClass: string }>();
  /** They say nothing about the destination: they failed while it took others, or were set aside before. */
  readonly #atFault = new Set<number>();
  /** Refused, and then something came that may have shown them to be at fault. */
  readonly #mayDie = new Set<number>();
  #fenced = false;

  constructor(
    scenario: Scenario,
    params: {
      token: number;
      taken: SimTaken;
      rows: Iterable<SimRow>;
      /** What the last commit knew of the destination. */
      streaks: Streaks;
      now: number;
      everSuppressed: Set<number>;
    },
  ) {
    const { token, taken, rows, streaks, now, everSuppressed } = params;
    this.#scenario = scenario;
    this.#everSuppressed = everSuppressed;
    this.token = token;
    const closedForMs = taken.held?.reason === 'throttled' ? taken.wakeInMs : 0;
    const kept = [...rows];
    for (const { position, actionId, rounds } of kept)
      if (rounds > 0) this.#atFault.add(keyOf(position, actionId));
    this.inHand = new InHand(scenario, kept);
    this.outlook = Outlook.of(taken, { closedForMs, streaks }, now);
  }

  /** The lane takes up what waited: of what was refused before, all that was taken since speaks against it. */
  takesUp(due: Due<SimEvent>): void {
    this.inHand.takesUp(due);
    // It holds this itself, so the row is another holder's: nothing that this one decides is written any more.
    const holds = ({ actionId }: { actionId: string }) =>
      this.told.get(keyOf(due.position, actionId))?.kind === 'refused';
    if (due.deliveries.some(holds)) this.#fenced = true;
    for (const { actionId, rounds, errorClass } of due.deliveries) {
      if (rounds === 0 || errorClass === null) continue;
      const inDoubt = this.outlook.isInDoubt(errorClass, due.position);
      const requests = inDoubt ? this.#requests : -1;
      this.#failedAfter.set(keyOf(due.position, actionId), { requests, errorClass });
    }
  }

  /** The lane hands out a request. */
  handsOut(request: SimRequest, now: number): void {
    const { tasks, events } = request;
    this.#numbers.set(request, ++this.#requests);
    const fault = this.outlook.faultOfSending(tasks.length, this.handed.size, now);
    if (fault !== null) throw new Violation(fault, `at ${now}: ${namesOf(request)}`);
    if (tasks.length > this.#scenario.batchSize) throw new Violation('batch too large', namesOf(request));
    if (tasks.some(({ actionId }) => actionId !== tasks[0]!.actionId))
      throw new Violation('two actions in one request', namesOf(request));
    tasks.forEach((task, at) => this.#handsOutOne(request, task, events[at]!, now));
    for (const task of tasks) this.handed.set(keyOf(task.entry.position, task.actionId), request);
  }

  #handsOutOne(request: SimRequest, task: Task<SimEvent>, event: SimEvent, now: number): void {
    const key = keyOf(event.position, task.actionId);
    const name = nameOf(event.position, task.actionId);
    if (request.tasks.length > (this.#mostTogether.get(key) ?? Infinity))
      throw new Violation('not split after it failed as a whole', name);
    if (this.handed.has(key)) throw new Violation('sent twice at once', name);
    const told = this.told.get(key);
    if (told?.kind === 'success') throw new Violation('sent again after a success', name);
    if (told?.kind === 'failed' && told.alone && now - told.at < shortestRetryMs - 0.001)
      throw new Violation('tried again without a wait', name);
    if (this.#scenario.orderBy === 'none') return;
    for (const other of new Set(this.handed.values())) {
      for (const { position } of other.events) {
        if (position !== event.position && other !== request && this.#sameKey(other, position, event))
          throw new Violation('two requests of one order key at once', `${name} and ${position}`);
      }
    }
  }

  #sameKey(request: SimRequest, position: number, event: SimEvent): boolean {
    if (this.#scenario.orderBy === 'strict') return true;
    return request.events.some((other) => other.position === position && other.user === event.user);
  }

  /** The lane is told how the deliveries of a request ended. */
  settles(request: SimRequest, outcomes: readonly Outcome[], now: number): void {
    const [first] = outcomes;
    const together = first !== undefined && 'together' in first;
    // One answer for several events says about the destination what one of them does.
    if (together) this.#hears(first, request.events[0]!, now);
    request.tasks.forEach(({ actionId }, at) => {
      const key = keyOf(request.events[at]!.position, actionId);
      this.handed.delete(key);
      this.written.delete(key);
      const outcome = outcomes[at]!;
      const wasDown = this.outlook.isDown;
      const foreseen = !together && this.outlook.isForeseen(outcome);
      if (foreseen) this.#hears(outcome, request.events[at]!, now);
      const again = !together && this.#failsAgain(request, key, outcome);
      const own = foreseen || again || (outcome.kind === 'failed' && this.#atFault.has(key) && !wasDown);
      if (!together && !own) this.#hears(outcome, request.events[at]!, now);
      if (ended.includes(outcome.kind)) this.inHand.ends(request.events[at]!.position);
      // What was found malformed was sent: its user was not suppressed any more, whatever was so when it was read.
      if (outcome.kind === 'invalid' && this.#scenario.suppressions.length > 0)
        this.suppressed.set(key, false);
      const alone = !together && this.#isFirstOfKey(request, at);
      this.#tells(key, outcome, now, { wasDown, alone, together });
      if (again && outcome.kind === 'refused') {
        this.#mayDie.add(key);
        if (alone) this.#condemned.add(key);
      }
      if (together) this.#mostTogether.set(key, Math.ceil(request.tasks.length / 2));
    });
  }

  /** Whether a delivery fails as before although what left in between was taken: it says nothing of the destination. */
  #failsAgain(request: SimRequest, key: number, outcome: Outcome): boolean {
    if (outcome.kind === 'delivered' || outcome.kind === 'unconfirmable')
      this.#lastTaken = Math.max(this.#lastTaken, this.#numbers.get(request)!);
    if (outcome.kind !== 'refused' && outcome.kind !== 'failed') return false;
    const { errorClass } = outcome.failure;
    const before = this.#failedAfter.get(key);
    this.#failedAfter.set(key, { requests: this.#requests, errorClass });
    if (this.outlook.isDown) return false;
    const failsAsBefore = before?.errorClass === errorClass && before.requests < this.#lastTaken;
    const again = failsAsBefore || this.outlook.isForeseen(outcome);
    if (again) this.#atFault.add(key);
    return again;
  }

  #hears(outcome: Outcome, event: SimEvent, now: number): void {
    const wasDown = this.outlook.isDown;
    this.outlook.hears(outcome, event, now, this.inHand);
    if (this.outlook.isDown && !wasDown) this.#acquits();
  }

  #tells(
    key: number,
    { kind }: Outcome,
    now: number,
    how: { wasDown: boolean; alone: boolean; together: boolean },
  ): void {
    const { isDown } = this.outlook;
    if (kind === 'delivered' || kind === 'unconfirmable') {
      this.told.set(key, { kind: 'success', at: now, alone: true });
      if (!how.wasDown) this.#condemns();
    } else if (kind === 'refused' || kind === 'failed') {
      const told = isDown || how.together ? 'failed' : kind;
      this.told.set(key, { kind: told, at: now, alone: how.alone && !isDown });
      this.#mayDie.delete(key);
    } else if (kind !== 'notSent') this.told.delete(key);
  }

  /** A delivery was decided with its user suppressed, or not. */
  suppresses(position: number, actionId: string, suppressed: boolean): void {
    const key = keyOf(position, actionId);
    if (suppressed) this.handed.delete(key);
    if (this.#scenario.suppressions.length > 0) this.suppressed.set(key, suppressed);
    if (suppressed) this.#everSuppressed.add(key);
  }

  /** The destination is at fault: nobody is suspected any more, and all waits are over. */
  #acquits(): void {
    for (const [key, told] of this.told)
      if (told.kind !== 'success') this.told.set(key, { ...told, kind: 'failed', alone: false });
  }

  /** What was set aside may come due at any time. */
  forgetsWaits(): void {
    for (const told of this.told.values()) if (told.kind === 'failed') told.alone = false;
  }

  #condemns(): void {
    for (const [key, { kind, alone }] of this.told) {
      if (kind !== 'refused' || this.#died.has(key)) continue;
      this.#mayDie.add(key);
      if (alone) this.#condemned.add(key);
    }
  }

  /**
   * The lane was told that nothing comes for now. On a stream only what holds others up may be judged by that; the next
   * commit tells what was set aside instead, which no success condemns.
   */
  judged(now: number): void {
    for (const [key, told] of this.told) {
      if (told.kind !== 'refused') continue;
      const isStream = this.#scenario.to === null;
      if (!isStream || this.#hasBehind(Math.floor(key / 2), now)) this.#mayDie.add(key);
      if (isStream) told.alone = false;
    }
  }

  #hasBehind(position: number, now: number): boolean {
    const { orderBy, events } = this.#scenario;
    const own = events.find((event) => event.position === position)!;
    const isOfKey = (user: string) => orderBy === 'strict' || (orderBy === 'user' && user === own.user);
    return events.some((event) => event.position > position && event.arrivesAt <= now && isOfKey(event.user));
  }

  #isFirstOfKey(request: SimRequest, at: number): boolean {
    const { orderBy } = this.#scenario;
    if (orderBy === 'none' || at === 0) return true;
    const { user } = request.events[at]!;
    return orderBy === 'user' && !request.events.slice(0, at).some((event) => event.user === user);
  }

  /** The lane hands out a commit. */
  writes(commit: LaneCommit): void {
    this.inHand.writes(commit);
    for (const { position, actionId } of commit.dead) this.#died.add(keyOf(position, actionId));
    // Who is set aside comes back without a past.
    for (const { position, actionId, rounds, dueInMs } of commit.waiting) {
      if (dueInMs === 0) continue; // in hand: only how the event's other deliveries stand is written
      const key = keyOf(position, actionId);
      this.#failedAfter.delete(key);
      if (dueInMs !== null && this.told.get(key)?.kind === 'refused')
        this.told.set(key, { kind: 'failed', at: 0, alone: false });
      if (rounds > 0) this.#atFault.add(keyOf(position, actionId));
      else this.#atFault.delete(keyOf(position, actionId));
    }
    for (const key of this.#condemned)
      if (!this.#died.has(key))
        throw new Violation('a guilty one lives', `${Math.floor(key / 2)}/${key % 2}`);
    this.#condemned.clear();
    // What was acquitted since then and has not died by now never should.
    for (const key of this.#mayDie)
      if (this.told.get(key)?.kind !== 'refused' && !this.#died.has(key)) this.#mayDie.delete(key);
  }

  /** Whether what was refused may have been shown to be at fault itself. */
  isGuilty(key: number): boolean {
    return this.#fenced || this.#mayDie.has(key);
  }
}

export function namesOf(request: SimRequest): string {
  return request.tasks.map(({ entry, actionId }) => nameOf(entry.position, actionId)).join(' ');
}
