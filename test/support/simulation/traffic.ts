import type { CanaryShare } from '../../../src/core/canary.ts';
import { decide, gather } from '../../../src/core/decide.ts';
import { covers, type ChunkBits } from '../../../src/core/coverage.ts';
import type { Lane } from '../../../src/core/lane.ts';
import type { Offered, Task } from '../../../src/core/lane-types.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import { keyOf, nameOf } from './delivery-key.ts';
import type { SimRequest } from './destination.ts';
import type { SimEvent } from './scenario.ts';
import type { SliceView } from './slice-view.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

export interface TrafficDeps {
  readonly world: World;
  readonly view: SliceView;
  readonly lane: Lane<SimEvent>;
  readonly now: () => number;
  readonly later: (ms: number, run: () => void) => void;
  /** Up to where the lane may read now. */
  readonly readable: () => number;
  /** Whether something may leave now. */
  readonly mayWrite: () => boolean;
  readonly canary: CanaryShare | null;
  readonly suppressed: (event: SimEvent) => boolean;
  readonly onProgress: () => void;
}

/** What goes in and out of a lane: pages of the archive and requests to the destination. */
export class SimTraffic {
  readonly #deps: TrafficDeps;
  readonly #own: ReadonlyMap<string, ChunkBits>;
  readonly #rows = new Map<number, 'waiting' | 'dead'>();
  /** Since when each has been under way, oldest first. */
  readonly #requests = new Map<SimRequest, number>();
  #reading = false;
  #pumps = 0;

  constructor(deps: TrafficDeps) {
    const { coverage, rows, dead, lane } = deps.world.db;
    this.#deps = deps;
    this.#own = new Map([...coverage].map(([action, chunks]) => [action, copyOf(chunks)]));
    for (const [key, row] of rows) if (row.position > lane.mark) this.#rows.set(key, 'waiting');
    for (const [key, row] of dead) if (row.position > lane.mark) this.#rows.set(key, 'dead');
  }

  /** Neither a request nor a read is under way. */
  get quiet(): boolean {
    return this.#requests.size === 0 && !this.#reading;
  }

  /** Since when the oldest request has been under way, null when none is. */
  get oldest(): number | null {
    return this.#requests.values().next().value ?? null;
  }

  /** There is more to read and room for it. */
  get mayRead(): boolean {
    const { lane, readable, world } = this.#deps;
    return lane.scannedTo < readable() && lane.wantsMore(world.scenario.unsentLimit);
  }

  /** Starts all that may start now, and wakes itself when time alone allows more. */
  pump(): void {
    const { world, lane, mayWrite, later } = this.#deps;
    if (!mayWrite()) return;
    const { scenario, random } = world;
    const now = this.#deps.now();
    while (this.#requests.size < scenario.concurrency) {
      const limit = scenario.paced ? random.int(1, scenario.batchSize) : scenario.batchSize;
      const tasks = lane.next(now, limit);
      if (tasks.length === 0) break;
      const rest = this.#withoutSuppressed(tasks, now);
      if (rest.length > 0) this.#send(rest);
    }
    if (!this.#reading && this.mayRead) this.#readPage();
    const wakeAt = lane.wakeAt();
    const pump = ++this.#pumps;
    if (wakeAt === null || wakeAt <= now) return;
    later(wakeAt - now, () => {
      if (pump === this.#pumps) this.pump();
    });
  }

  /** What is under way when the slice must leave is cut off: it may have arrived or not. */
  cut(): void {
    const { world, view } = this.#deps;
    world.witness.cuts(view);
    const reset: Outcome = { kind: 'failed', failure: { errorClass: 'reset', message: 'reset' } };
    for (const request of this.#requests.keys())
      this.#settle(
        request,
        request.tasks.map(() => reset),
      );
  }

  /** Who was suppressed after his events had been read gets nothing either. */
  #withoutSuppressed(tasks: readonly Task<SimEvent>[], now: number): readonly Task<SimEvent>[] {
    const { lane, view, suppressed } = this.#deps;
    return tasks.filter((task) => {
      const { event } = task.entry;
      if (!suppressed(event!)) return true;
      view.suppresses(event!.position, task.actionId, true);
      view.inHand.ends(event!.position);
      lane.settle(task, { kind: 'suppressed' }, now);
      return false;
    });
  }

  #send(tasks: readonly Task<SimEvent>[]): void {
    const { world, view, later } = this.#deps;
    const { witness, random, scenario } = world;
    const request: SimRequest = { tasks, events: tasks.map(({ entry }) => entry.event!) };
    witness.handsOut(view, request);
    this.#requests.set(request, this.#deps.now());
    const fails = world.chance(scenario.notSent);
    if (world.chance(scenario.delayed)) later(random.int(5, 6_000), () => this.#write(request, fails));
    else this.#write(request, fails);
  }

  /** The request is about to be written to its socket: the lease is looked at once more. */
  #write(request: SimRequest, fails: boolean): void {
    const { world, view, mayWrite, later } = this.#deps;
    if (!this.#requests.has(request)) return;
    if (fails || !mayWrite() || request.events.some((event) => this.#deps.suppressed(event))) {
      const notSent: Outcome = { kind: 'notSent' };
      return later(1, () =>
        this.#settle(
          request,
          request.tasks.map(() => notSent),
        ),
      );
    }
    world.note(() => `${view.token} sends ${request.events.map(({ position }) => position).join(' ')}`);
    world.witness.sends(view, request);
    world.destination.send(request, (outcomes) => later(0, () => this.#settle(request, outcomes)));
  }

  #settle(request: SimRequest, outcomes: readonly Outcome[]): void {
    const { world, view, lane, onProgress } = this.#deps;
    if (!this.#requests.delete(request)) return;
    world.note(() => `${view.token}: ${linesOf(request, outcomes)}`);
    world.witness.settles(view, request, outcomes);
    lane.settleRequest(request.tasks, outcomes, this.#deps.now());
    world.compareHealth(view, lane.health);
    if (lane.inFlight !== view.handed.size)
      throw new Violation('in flight is not what is in flight', `${lane.inFlight}, is ${view.handed.size}`);
    this.pump();
    onProgress();
  }

  #readPage(): void {
    const { world, lane, readable, later } = this.#deps;
    const { scenario, random } = world;
    const after = lane.scannedTo;
    const upTo = readable();
    this.#reading = true;
    later(random.int(1, random.pick([5, 300])), () => {
      this.#reading = false;
      const page: SimEvent[] = [];
      for (const event of scenario.events)
        if (event.position > after && event.position <= upTo && page.length < scenario.pageSize)
          page.push(event);
      const scannedTo = page.length === scenario.pageSize ? page.at(-1)!.position : upTo;
      const whole = { offers: page.map((event) => this.#offerOf(event)), scannedTo };
      const { canary } = this.#deps;
      const part = lane.isBehind || canary === null ? whole : canary.cut(whole);
      for (const offered of part.offers) this.#deps.view.inHand.reads(offered);
      lane.offer(part.offers, part.scannedTo);
      this.pump();
      this.#deps.onProgress();
    });
  }

  #offerOf(event: SimEvent): Offered<SimEvent> {
    const { position, user, traits } = event;
    const suppressed = this.#deps.suppressed(event);
    const { actions, mode } = this.#deps.world.scenario;
    const decisions = actions.map((actionId) => {
      const decision = decide(mode, {
        ownBit: covers(this.#own.get(actionId), position),
        otherBit: traits[actionId] === 'had',
        ownRow: this.#rows.get(keyOf(position, actionId)) ?? null,
        waitsElsewhere: traits[actionId] === 'elsewhere',
        asked: traits[actionId] !== 'unasked',
        triggered: traits[actionId] !== 'untriggered',
        passes: true,
        optedOut: false,
        suppressed,
        outOfTime: null,
        confirms: true,
      });
      this.#deps.view.suppresses(position, actionId, suppressed);
      return [actionId, decision] as const;
    });
    return { position, receivedMs: position, orderKey: user, event, ...gather(decisions) };
  }
}

function linesOf({ tasks }: SimRequest, outcomes: readonly Outcome[]): string {
  const names = tasks.map(({ entry, actionId }) => nameOf(entry.position, actionId));
  return names.map((name, at) => `${name} ${outcomes[at]!.kind}`).join(', ');
}

/** As a reader gets them: what is set later is not seen. */
function copyOf(chunks: ChunkBits): ChunkBits {
  return new Map([...chunks].map(([chunk, bits]) => [chunk, bits.slice()]));
}
