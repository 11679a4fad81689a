import { decide, gather } from '../../../src/core/decide.ts';
import { covers, type ChunkBits } from '../../../src/core/coverage.ts';
import { healthy, stillDown } from '../../../src/core/health.ts';
import { Lane } from '../../../src/core/lane.ts';
import type { LaneCommit, Offered } from '../../../src/core/lane-types.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import type { Health } from '../../../src/core/health.ts';
import { deliveryKey } from './database.ts';
import type { SimRequest } from './destination.ts';
import type { SimEvent } from './scenario.ts';
import type { World } from './world.ts';

export type SimSliceEnd =
  | { readonly kind: 'more' | 'done' }
  /** To be gone on with at a time. */
  | { readonly kind: 'held' | 'waiting'; readonly wakeAt: number };

const drainMs = 8_000;
const shortWaitMs = 2_000;

/**
 * Works a lane as a slice does: reads pages, sends, and commits one time after another while traffic goes on. All it
 * knows is lost when it is killed.
 */
export class SimSlice {
  readonly #world: World;
  readonly #lane: Lane<SimEvent>;
  readonly #own: ReadonlyMap<string, ChunkBits>;
  readonly #rows: ReadonlyMap<string, 'waiting' | 'dead'>;
  readonly #startedAt: number;
  readonly #onEnd: (end: SimSliceEnd) => void;
  #alive = true;
  #stoppedAt: number | null = null;
  #requests = 0;
  #deliveries = 0;
  #reading = false;
  #pumps = 0;
  #settledBefore = 0;
  #unapplied: { commit: LaneCommit; health: Health } | null = null;

  constructor(world: World, onEnd: (end: SimSliceEnd) => void) {
    const { db, scenario, agenda, random } = world;
    this.#world = world;
    this.#onEnd = onEnd;
    this.#startedAt = agenda.now;
    const above = ({ position }: { position: number }) => position > db.mark;
    this.#own = new Map([...db.own].map(([action, chunks]) => [action, copyOf(chunks)]));
    this.#rows = new Map([
      ...[...db.rows.values()].filter(above).map((row) => [keyOf(row), 'waiting'] as const),
      ...[...db.dead.values()].filter(above).map((row) => [keyOf(row), 'dead'] as const),
    ]);
    const waitingByKey = new Map([...db.byKey()].map(([orderKey, rows]) => [orderKey, rows.length]));
    const { orderBy, actions, batchSize, windowLimit } = scenario;
    const { mark, counts, held } = db;
    this.#lane = new Lane<SimEvent>(
      { mark, counts, orderBy, actions, batchSize, windowLimit, waitingByKey, random: () => random.next() },
      held === null
        ? healthy
        : stillDown(held, held.failure, agenda.now, { closedForMs: held.closedUntil - agenda.now }),
    );
    this.#commit(() => this.#takeUpDue(() => this.#rest()));
    this.#pump();
  }

  /** The process is asked to end: nothing new is sent. */
  stop(): void {
    this.#stoppedAt ??= this.#world.agenda.now;
  }

  /** The process dies; a commit under way may or may not have been done. */
  kill(): void {
    this.#alive = false;
    if (this.#unapplied !== null && this.#world.random.chance(0.5)) this.#apply();
  }

  /** Later things of a dead slice do not happen. */
  #later(ms: number, run: () => void): void {
    this.#world.agenda.after(ms, () => {
      if (this.#alive) run();
    });
  }

  #pump(): void {
    if (!this.#alive || this.#stoppedAt !== null) return;
    const { agenda, scenario, random } = this.#world;
    while (this.#requests < scenario.concurrency) {
      const limit = scenario.paced ? random.int(1, scenario.batchSize) : scenario.batchSize;
      const tasks = this.#lane.next(agenda.now, limit);
      if (tasks.length === 0) break;
      this.#send({ tasks, events: tasks.map(({ entry }) => entry.event!) });
    }
    if (!this.#reading && this.#mayRead && this.#lane.wantsMore(scenario.unsentLimit)) this.#readPage();
    const wakeAt = this.#lane.wakeAt();
    const pump = ++this.#pumps;
    if (wakeAt !== null && wakeAt > agenda.now)
      this.#later(wakeAt - agenda.now, () => pump === this.#pumps && this.#pump());
  }

  #send(request: SimRequest): void {
    const { destination, witness } = this.#world;
    witness.sends(request, this.#deliveries);
    this.#world.note(() => `sends ${request.tasks.map(({ entry }) => entry.position).join(' ')}`);
    this.#requests++;
    this.#deliveries += request.tasks.length;
    destination.send(request, (outcomes) => {
      if (this.#alive) this.#settle(request, outcomes);
    });
  }

  #settle(request: SimRequest, outcomes: readonly Outcome[]): void {
    this.#requests--;
    this.#deliveries -= request.tasks.length;
    request.tasks.forEach((task, at) => {
      const outcome = outcomes[at]!;
      this.#world.note(() => `${task.entry.position}/${task.actionId} ${outcome.kind}`);
      this.#world.witness.settles(task, request.events[at]!, outcome);
      this.#lane.settle(task, outcome, this.#world.agenda.now);
      this.#world.compareHealth(this.#lane.health);
    });
    this.#pump();
  }

  get #readable(): number {
    return this.#world.readable(this.#world.agenda.now);
  }

  get #mayRead(): boolean {
    return this.#lane.scannedTo < this.#readable;
  }

  #readPage(): void {
    const { scenario, random } = this.#world;
    const after = this.#lane.scannedTo;
    const upTo = this.#readable;
    this.#reading = true;
    this.#later(random.int(1, random.pick([5, 300])), () => {
      this.#reading = false;
      const page = scenario.events
        .filter(({ position }) => position > after && position <= upTo)
        .slice(0, scenario.pageSize);
      const scannedTo = page.length === scenario.pageSize ? page.at(-1)!.position : upTo;
      this.#lane.offer(
        page.map((event) => this.#offerOf(event)),
        scannedTo,
      );
      this.#pump();
    });
  }

  #offerOf(event: SimEvent): Offered<SimEvent> {
    const { position, user, traits } = event;
    const decisions = this.#world.scenario.actions.map((actionId) => {
      const decision = decide(this.#world.scenario.mode, {
        ownBit: covers(this.#own.get(actionId), position),
        otherBit: traits[actionId] === 'had',
        ownRow: this.#rows.get(deliveryKey(position, actionId)) ?? null,
        waitsElsewhere: traits[actionId] === 'elsewhere',
        asked: true,
        triggered: traits[actionId] !== 'untriggered',
        suppressed: false,
      });
      return [actionId, decision] as const;
    });
    return { position, receivedAt: new Date(position), orderKey: user, event, ...gather(decisions) };
  }

  #commit(then: () => void): void {
    const { random, scenario, witness } = this.#world;
    const commit = this.#lane.takeCommit();
    witness.writes(commit);
    this.#unapplied = { commit, health: this.#lane.health };
    this.#later(random.int(1, 40), () => {
      const { commit, health } = this.#unapplied!;
      this.#apply();
      this.#later(random.int(1, 20), () => {
        // Its answer was lost: it is done once more.
        if (random.chance(scenario.commitTwice)) this.#world.apply(commit, health);
        then();
      });
    });
  }

  #apply(): void {
    const { commit, health } = this.#unapplied!;
    this.#unapplied = null;
    this.#world.apply(commit, health);
  }

  #takeUpDue(then: () => void): void {
    if (this.#stoppedAt !== null || !this.#lane.hasWaiting || this.#lane.dueOpen > 0) return then();
    const { db, agenda, random, scenario, byPosition } = this.#world;
    this.#later(random.int(1, 10), () => {
      const limit = { keys: scenario.keysPerRead, events: scenario.eventsPerKey };
      const due = db.readDue(agenda.now, byPosition, limit);
      this.#later(random.int(0, 10), () => {
        this.#world.note(() => `due ${due.map(({ position }) => position).join(' ')}`);
        this.#lane.offerDue(due, agenda.now);
        if (due.length > 0) this.#pump();
        then();
      });
    });
  }

  /** Between two commits: ends, or goes on after a moment. */
  #rest(): void {
    const end = this.#end();
    if (end !== null) {
      this.#stoppedAt ??= this.#world.agenda.now;
      const drained = this.#requests === 0;
      return this.#commit(() => {
        if (!drained) this.#world.witness.crashes();
        this.#alive = false;
        this.#onEnd(end);
      });
    }
    const busy = this.#lane.settled > this.#settledBefore;
    this.#settledBefore = this.#lane.settled;
    this.#later(this.#world.random.pick(busy ? [20, 50, 300] : [300, 1_000]), () => {
      this.#pump();
      this.#commit(() => this.#takeUpDue(() => this.#rest()));
    });
  }

  #end(): SimSliceEnd | null {
    const { agenda, scenario, witness } = this.#world;
    const { now } = agenda;
    if (now - this.#startedAt >= scenario.sliceMs) this.#stoppedAt ??= now;
    const { down } = this.#lane.health;
    if (this.#stoppedAt !== null) {
      const quiet = this.#requests === 0 && !this.#reading;
      if (!quiet && now - this.#stoppedAt < drainMs) return null;
      return down === null ? { kind: 'more' } : { kind: 'held', wakeAt: down.probeAt };
    }
    if (this.#requests > 0 || this.#reading) return null;
    if (down !== null && down.probeAt - now > shortWaitMs) return { kind: 'held', wakeAt: down.probeAt };
    if (this.#mayRead && this.#lane.wantsMore(scenario.unsentLimit)) return null;
    witness.judged();
    this.#lane.judgeSuspects(now);
    if (this.#mayRead || this.#lane.open > 0) return null;
    return this.#endOfLane(now);
  }

  #endOfLane(now: number): SimSliceEnd | null {
    const { db, scenario } = this.#world;
    const next = scenario.events.find(({ arrivesAt }) => arrivesAt > now)?.arrivesAt ?? null;
    if (!this.#lane.hasWaiting && next === null) return { kind: 'done' };
    const dueAt = this.#lane.hasWaiting ? db.nextDueAt() : null;
    // What was set aside a moment ago is not written yet.
    if (this.#lane.hasWaiting && dueAt === null) return null;
    const wakeAt = Math.min(dueAt ?? Infinity, next ?? Infinity);
    return wakeAt - now > shortWaitMs ? { kind: 'waiting', wakeAt } : null;
  }
}

/** As a reader gets them: what is set later is not seen. */
function copyOf(chunks: ChunkBits): ChunkBits {
  return new Map([...chunks].map(([chunk, bits]) => [chunk, bits.slice()]));
}

function keyOf({ position, actionId }: { position: number; actionId: string }): string {
  return deliveryKey(position, actionId);
}
