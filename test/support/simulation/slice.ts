import { brakeReason, noEndings } from '../../../src/core/brakes.ts';
import type { CanaryShare } from '../../../src/core/canary.ts';
import { keptStreaks } from '../../../src/core/health.ts';
import type { Lane } from '../../../src/core/lane.ts';
import { SliceStop, type StopKind } from '../../../src/core/slice-stop.ts';
import type { SimTaken, Standing } from './database.ts';
import { SimHolder } from './holder.ts';
import type { SimEvent } from './scenario.ts';
import type { SliceView } from './slice-view.ts';
import { canaryOf, heldOf, laneOf } from './open-lane.ts';
import { SimTraffic } from './traffic.ts';
import { Violation } from './violation.ts';
import type { SimWorker } from './worker.ts';
import type { World } from './world.ts';

export type SimSliceEnd =
  /** `failed`: the lease is lost, or the database was away for too long. */
  | { readonly kind: 'more' | 'done' | 'canary' | 'stopped' | 'failed' }
  | { readonly kind: 'held' | 'waiting'; readonly wakeInMs: number }
  /** A stream at the head; null: nothing of it waits. */
  | { readonly kind: 'idle'; readonly wakeInMs: number | null };

const drainMs = 8_000;
const shortWaitMs = 5_000;
const renewMs = 1_000;
const dueLookMs = 500;

/**
 * Works a taken lane as a slice does: reads, sends, and commits one time after another while traffic goes on. All it
 * knows is lost when its worker dies.
 */
export class SimSlice {
  readonly #world: World;
  readonly #worker: SimWorker;
  readonly #view: SliceView;
  readonly #taken: SimTaken;
  readonly #lane: Lane<SimEvent>;
  readonly #holder: SimHolder;
  readonly #traffic: SimTraffic;
  readonly #canary: CanaryShare | null;
  readonly #stop: SliceStop;
  readonly #life: number;
  readonly #onEnd: (end: SimSliceEnd) => void;
  #alive = true;
  #isAwaited = false;
  #dueLookAt = 0;
  /** `settled` when the last commit was taken: what has been set aside since then has no row yet. */
  #settledWritten = 0;
  #nudge: () => void = () => undefined;

  /** @param params.takenAt when the taking was begun, on the worker's clock */
  constructor(
    world: World,
    worker: SimWorker,
    params: { view: SliceView; taken: SimTaken; takenAt: number; onEnd: (end: SimSliceEnd) => void },
  ) {
    const { view, taken, takenAt, onEnd } = params;
    this.#world = world;
    this.#worker = worker;
    this.#view = view;
    this.#taken = taken;
    this.#onEnd = onEnd;
    this.#stop = new SliceStop(worker.now + world.scenario.sliceMs);
    this.#life = worker.life;
    this.#holder = new SimHolder(world, worker, {
      view,
      takenAt,
      wanted: taken.wanted,
      isAlive: () => this.#alive,
      onLost: () => this.#die(),
    });
    this.#lane = laneOf(world, taken, worker.now);
    this.#canary = canaryOf(world, taken, this.#lane);
    this.#traffic = new SimTraffic({
      canary: this.#canary,
      world,
      view,
      lane: this.#lane,
      now: () => worker.now,
      later: (ms, run) => this.#later(ms, run),
      suppressed: ({ user }) => worker.suppressed.users.has(user),
      readable: () => this.#readable,
      mayWrite: () => this.#goesOn() && this.#holder.mayWrite,
      onProgress: () => this.#nudge(),
    });
    this.#round();
  }

  /** The process is asked to end: nothing new is sent. */
  stop(): void {
    if (!this.#alive) return;
    this.#holder.leaves = true;
    this.#waitsFor('more');
  }

  /** Later things of a slice that is over do not happen. */
  #later(ms: number, run: () => void): void {
    const ifAlive = () => {
      if (this.#alive) run();
    };
    this.#worker.later(ms, ifAlive, this.#life);
  }

  /** Gives up: what it has not written is lost. */
  #die(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#onEnd({ kind: 'failed' });
  }

  /** Somebody waits for the lane. */
  #waitsFor(kind: StopKind): void {
    this.#isAwaited = true;
    this.#hurry(kind);
  }

  #hurry(kind: StopKind): void {
    if (this.#stop.hurry(kind, this.#worker.now)) this.#nudge();
  }

  #goesOn(): boolean {
    return this.#stop.goesOn(this.#worker.now, this.#traffic.oldest);
  }

  get #isStream(): boolean {
    return this.#world.scenario.to === null;
  }

  get #readable(): number {
    if (this.#lane.isBehind) return this.#taken.progress.readTo;
    if (this.#canary?.full === true) return this.#lane.scannedTo;
    return this.#isStream ? this.#world.head : this.#holder.wanted.to;
  }

  /** Between two rests: sends, commits, takes up what is due, and ends or goes on. */
  #round(): void {
    this.#nudge = () => undefined;
    this.#traffic.pump();
    const state = this.#lane.health.down === null ? 'ready' : 'held';
    this.#commit(this.#standing(state, null, false), () => {
      if (this.#stop.kind === null) this.#brake();
      this.#holder.reachSuppressions(() => {
        if (this.#holder.wanted.desired !== 'running') this.#waitsFor('stopped');
        this.#holder.obeyed();
        this.#takeUpDue(() => this.#endOrRest());
      });
    });
  }

  #commit(standing: Standing, then: () => void, streaks = this.#view.outlook.streaks): void {
    this.#settledWritten = this.#lane.settled;
    const commit = this.#lane.takeCommit();
    if (this.#lane.open === 0 && this.#lane.dueOpen > 0)
      throw new Violation('stands still', 'rows are never looked up again');
    this.#world.witness.writes(this.#view, commit);
    this.#holder.commit({ commit, standing, streaks }, () => this.#alive && then());
  }

  #standing(state: Standing['state'], wakeInMs: number | null, release: boolean): Standing {
    const { down } = this.#lane.health;
    const { desired, revision } = this.#holder.wanted;
    return {
      state,
      held: heldOf(this.#lane, this.#worker.now),
      streaks: keptStreaks(this.#lane.health),
      wakeInMs: down === null || state !== 'held' ? wakeInMs : Math.max(0, down.probeAt - this.#worker.now),
      // A stop is confirmed only by the last commit, when nothing is in flight any more.
      revision: desired === 'running' || release ? revision : this.#taken.wanted.revision,
      suppressionRevision: this.#worker.suppressed.revision,
      release,
    };
  }

  /** A run that does more harm than good pauses itself; the next commit hears of it. */
  #brake(): void {
    if (this.#isStream) return;
    const { health } = this.#lane;
    const reason = brakeReason(noEndings, health, this.#worker.now, this.#taken.brakesReleased);
    if (reason !== null) this.#world.brake(this.#view, reason);
  }

  #takeUpDue(then: () => void): void {
    const { now } = this.#worker;
    const idle = this.#stop.kind !== null || !this.#lane.mayTakeUp;
    if (idle || now < this.#dueLookAt) return then();
    this.#dueLookAt = now + dueLookMs;
    const { db, scenario, byPosition } = this.#world;
    const limit = { keys: scenario.keysPerRead, events: scenario.eventsPerKey };
    this.#holder.asks(
      () => db.rows.readDue(byPosition, limit),
      (list) => {
        this.#world.note(() => `due ${list.map(({ position }) => position).join(' ')}`);
        for (const due of list) if (due.position <= this.#lane.scannedTo) this.#view.takesUp(due);
        this.#lane.offerDue(list, this.#worker.now);
        if (list.length > 0) this.#traffic.pump();
        then();
      },
    );
  }

  #endOrRest(): void {
    const end = this.#end();
    if (end === null) return this.#rest();
    this.#hurry('more');
    const ends = {
      done: 'done',
      canary: 'canary',
      held: 'held',
      waiting: 'waiting',
      idle: 'parked',
    } as const;
    const open = this.#lane.health.down === null ? 'ready' : 'held';
    const state = end.kind in ends ? ends[end.kind as keyof typeof ends] : open;
    const standing = this.#standing(state, 'wakeInMs' in end ? end.wakeInMs : null, true);
    const { streaks } = this.#view.outlook; // that requests are cut off says nothing of the destination
    // What could not be drained must not arrive after the lane is somebody else's.
    if (!this.#traffic.quiet && !this.#isAwaited)
      throw new Violation('cut off', 'what was under way, although nobody waited for the lane');
    if (!this.#traffic.quiet) this.#traffic.cut();
    const left = () => {
      this.#world.witness.leaves(this.#view);
      if (end.kind === 'canary') this.#world.witness.sentCanary(this.#lane.scannedTo);
      this.#alive = false;
      this.#onEnd(end);
    };
    this.#commit(standing, left, streaks);
  }

  /** The next commit is due when something was settled and the last one is a moment ago, else when the lease wants it. */
  #rest(): void {
    const before = this.#lane.settled;
    const gapMs = this.#world.random.pick([20, 20, 300]);
    let over = false;
    const go = () => {
      if (over || !this.#alive) return;
      over = true;
      this.#round();
    };
    this.#later(gapMs, () => {
      this.#nudge = () => {
        if (this.#lane.settled > before || this.#stop.kind !== null) go();
      };
      this.#later(renewMs - gapMs, go);
      this.#nudge();
    });
  }

  /** A lane that is over does not wait for the answer to a mere probe of a destination that is down. */
  get #drainMs(): number {
    const probing = this.#lane.health.down?.probing === true;
    return probing && this.#holder.wanted.desired === 'cancelled' ? 0 : drainMs;
  }

  #end(): SimSliceEnd | null {
    const { now } = this.#worker;
    if (!this.#goesOn()) {
      const kind = this.#stop.end(now, !this.#traffic.quiet, this.#drainMs);
      return kind && { kind };
    }
    if (!this.#traffic.quiet) return null;
    const { down } = this.#lane.health;
    if (down !== null && down.probeAt - now > shortWaitMs)
      return { kind: 'held', wakeInMs: down.probeAt - now };
    if (this.#traffic.mayRead) return null;
    this.#judge();
    const over = this.#lane.scannedTo >= this.#readable && this.#lane.open === 0;
    if (over) return this.#endOfLane();
    this.#checkThatItGoesOn();
    return null;
  }

  #judge(): void {
    this.#view.judged(this.#world.agenda.now);
    this.#lane.judgeSuspects(this.#worker.now, this.#isStream ? 'endless' : 'bounded');
  }

  /** Nothing is under way: then something is to be sent now, or at a time, or can be judged. */
  #checkThatItGoesOn(): void {
    if (!this.#holder.mayWrite) return;
    this.#traffic.pump();
    if (!this.#traffic.quiet || this.#traffic.mayRead) return;
    this.#judge();
    this.#traffic.pump();
    const { open } = this.#lane;
    if (this.#traffic.quiet && !this.#traffic.mayRead && open > 0 && this.#lane.wakeAt() === null)
      throw new Violation('stands still', `${open} open, and nothing will happen to them`);
  }

  #endOfLane(): SimSliceEnd | null {
    const { hasWaiting } = this.#lane;
    if (hasWaiting && (this.#lane.settled > this.#settledWritten || this.#lane.dueOpen > 0)) return null;
    if (this.#canary?.full === true && this.#lane.scannedTo < this.#holder.wanted.to)
      return { kind: 'canary' };
    const dueInMs = hasWaiting ? this.#world.db.rows.nextDueInMs() : null;
    if (!this.#isStream && !hasWaiting) return { kind: 'done' };
    if (this.#isStream)
      return dueInMs === null || dueInMs > shortWaitMs ? { kind: 'idle', wakeInMs: dueInMs } : null;
    return dueInMs !== null && dueInMs > shortWaitMs ? { kind: 'waiting', wakeInMs: dueInMs } : null;
  }
}
