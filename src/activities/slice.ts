import type { ArchivedEvent } from '../core/event.ts';
import type { CanaryShare } from '../core/canary.ts';
import { countedEvents } from '../core/counts.ts';
import { keptStreaks } from '../core/health.ts';
import type { Lane } from '../core/lane.ts';
import { SliceStop, type StopKind } from '../core/slice-stop.ts';
import type { Database } from '../db/database.ts';
import { nextDueInMs, readDue } from '../db/due-deliveries.ts';
import type { HeadWatch } from '../db/head-watch.ts';
import type { LaneStanding } from '../db/lane-commit.ts';
import type { LaneKnowledge } from '../db/lane-knowledge.ts';
import type { TakenLane } from '../db/lane-lease.ts';
import type { Sender } from '../destinations/definition.ts';
import type { Accounts } from './accounts.ts';
import type { HeldSlots } from './held-slots.ts';
import { Idleness, nearHead } from './idleness.ts';
import { LaneHolder } from './lane-holder.ts';
import type { TellNews } from './lane-news.ts';
import { LaneTraffic } from './lane-traffic.ts';
import { canaryOf, holdReason, openLane } from './open-lane.ts';
import { patient, unlessOutage } from './patience.ts';
import { ReplayBrakes } from './replay-brakes.ts';
import { RateMeter } from './rate-meter.ts';
import { restingState, type SliceEnd } from './slice-end.ts';
import type { SliceTiming } from './slice-timing.ts';
import type { SuppressionList } from './suppression-list.ts';

export interface SliceDeps {
  readonly db: Database;
  readonly head: HeadWatch;
  readonly sender: Sender;
  readonly suppressions: SuppressionList;
  readonly accounts: Accounts;
  readonly heldSlots: HeldSlots;
  readonly tell: TellNews;
  /** Milliseconds on a clock that only rises. */
  readonly now: () => number;
  readonly random: () => number;
  readonly timing: SliceTiming;
  /** Aborted when the worker shuts down or the workflow is gone: drain, commit, hand the lane back. */
  readonly signal: AbortSignal;
}

const renewMs = 1_000;
const commitGapMs = 20;
const dueLookMs = 500; // how often waiting deliveries are looked up
const shortWaitMs = 5_000; // a wait for a delivery that is not worth giving the slot back
/**
 * Works one taken lane until something ends it. Traffic goes on while a commit is under way; one commit follows
 * another, at least once a second, which renews the lease.
 */
export class Slice {
  readonly #taken: TakenLane;
  readonly #deps: SliceDeps;
  readonly #lane: Lane<ArchivedEvent>;
  readonly #holder: LaneHolder;
  readonly #traffic: LaneTraffic;
  readonly #brakes: ReplayBrakes;
  readonly #canary: CanaryShare | null;
  readonly #slot: ReturnType<HeldSlots['of']>;
  readonly #meter: RateMeter;
  readonly #stop: SliceStop;
  #dueLookAt = 0;
  readonly #idleness = new Idleness();
  /** `settled` when the last commit was taken: what has been set aside since then has no row yet. */
  #settledWritten = 0;
  #nudge: () => void = () => undefined;

  /** @param takenAt when the taking of the lane was begun, on the clock of `deps.now` */
  constructor(taken: TakenLane, known: LaneKnowledge, takenAt: number, deps: SliceDeps) {
    const { sender, suppressions, now, random } = deps;
    const db = patient(deps.db, deps);
    this.#taken = taken;
    this.#deps = deps;
    const startedAt = now();
    this.#stop = new SliceStop(startedAt + deps.timing.sliceMs);
    this.#meter = new RateMeter(startedAt, countedEvents(taken.ahead));
    this.#holder = new LaneHolder(deps, taken, takenAt);
    this.#lane = openLane(taken, known, { batchSize: sender.batchSize, random, now: startedAt });
    this.#brakes = new ReplayBrakes({ db, tell: deps.tell }, taken);
    this.#canary = canaryOf(taken, this.#lane);
    this.#slot = deps.heldSlots.of(taken.kind);
    this.#traffic = new LaneTraffic(taken, known, this.#lane, {
      ...deps,
      db,
      meter: this.#holder.meter,
      suppressed: (event) => suppressions.has(event),
      canary: this.#canary,
      readable: () => this.#readable,
      mayWrite: () => this.#goesOn() && this.#holder.mayWrite,
      onProgress: () => this.#nudge(),
    });
  }

  /** Where the slice stands, for the heartbeat. */
  get progress(): { position: string; settled: number; rate: number } {
    return { position: String(this.#lane.scannedTo), settled: this.#lane.settled, rate: this.#rate() };
  }

  /** Works until the slice ends. @throws LeaseLost, or what the database threw for longer than the lease lasts */
  async work(): Promise<SliceEnd> {
    const unwatch = this.#deps.head.onRise(() => this.#traffic.pump());
    const onAbort = () => this.#hurry('more');
    this.#deps.signal.addEventListener('abort', onAbort);
    if (this.#deps.signal.aborted) onAbort();
    try {
      this.#traffic.pump();
      await this.#waitFor(renewMs, () => this.#stop.kind !== null || !this.#lane.isBehind);
      for (;;) {
        this.#traffic.pump();
        await this.#commit();
        this.#traffic.pump();
        await this.#takeUpDue();
        const end = await this.#end();
        if (end !== null) return await this.#leave(end);
        await this.#untilNextCommit();
      }
    } finally {
      this.#hurry('more');
      this.#traffic.close();
      this.#slot.release();
      this.#deps.signal.removeEventListener('abort', onAbort);
      unwatch();
    }
  }

  /** A replay reads to the end of its range or its canary, a stream to the head of the archive. */
  get #readable(): number {
    if (this.#lane.isBehind) return this.#taken.readTo;
    if (this.#canary?.full === true) return this.#lane.scannedTo;
    return this.#taken.toPosition ?? this.#deps.head.head;
  }

  /** A lane that is over does not wait for the answer to a mere probe of a destination that is down. */
  get #drainMs(): number {
    const probing = this.#lane.health.down?.probing === true;
    return probing && this.#holder.wanted.desired === 'cancelled' ? 0 : this.#deps.timing.drainMs;
  }

  #rate(): number {
    return this.#meter.perSecond(this.#lane.settled, this.#deps.now());
  }

  #hurry(kind: StopKind): void {
    if (this.#stop.hurry(kind, this.#deps.now())) this.#nudge();
  }

  #goesOn(): boolean {
    return this.#stop.goesOn(this.#deps.now(), this.#traffic.oldest);
  }

  /** Writes what has changed, renews the lease and obeys what is wanted now. */
  async #commit(): Promise<void> {
    if (this.#traffic.failure !== null) throw this.#traffic.failure;
    const state = this.#lane.health.down === null ? 'ready' : 'held';
    this.#settledWritten = this.#lane.settled;
    await this.#write(this.#standing(state, null, false));
    if (this.#stop.kind === null) await this.#brakes.apply(this.#lane, this.#deps.now());
    const { wanted } = this.#holder;
    await this.#deps.suppressions.reach(wanted.suppressionRevision, this.#deps); // the next commit confirms it
    if (wanted.desired !== 'running') this.#hurry('stopped');
    // Settings are never pinned: the next slice opens the destination with the newest.
    else if (this.#holder.hasNewSettings) this.#hurry('more');
    else this.#traffic.obey(wanted);
    this.#holder.obeyed();
  }

  async #write(standing: Omit<LaneStanding, 'endings'>): Promise<void> {
    const commit = this.#lane.takeCommit();
    this.#brakes.note(commit, this.#lane);
    await this.#holder.commit(commit, { ...standing, endings: this.#brakes.endings });
  }

  #standing(
    state: LaneStanding['state'],
    wakeInMs: number | null,
    release: boolean,
  ): Omit<LaneStanding, 'endings'> {
    const { down } = this.#lane.health;
    const { desired, revision } = this.#holder.wanted;
    // A stop is confirmed only by the last commit, when nothing is in flight any more.
    const obeyed = desired === 'running' || release;
    return {
      state,
      reason: down === null ? null : holdReason(down),
      wakeInMs: down === null || state !== 'held' ? wakeInMs : Math.max(0, down.probeAt - this.#deps.now()),
      holdMs: down === null ? null : Math.round(down.waitMs),
      streaks: keptStreaks(this.#lane.health),
      heldForMs: down === null ? null : this.#deps.now() - down.since,
      rate: this.#rate(),
      revision: obeyed ? revision : this.#taken.wanted.revision,
      suppressionRevision: this.#deps.suppressions.revision,
      release,
    };
  }

  /** Deliveries that waited are taken up one lot after another, each after a commit that wrote the last lot down. */
  async #takeUpDue(): Promise<void> {
    const now = this.#deps.now();
    if (this.#stop.kind !== null || !this.#lane.mayTakeUp || now < this.#dueLookAt) return;
    this.#dueLookAt = now + dueLookMs;
    const due = await unlessOutage(readDue(this.#deps.db, this.#taken), []);
    this.#lane.offerDue(due, this.#deps.now());
    if (due.length > 0) this.#traffic.pump();
  }

  /** Whether, and how, the slice ends now. */
  async #end(): Promise<SliceEnd | null> {
    const now = this.#deps.now();
    if (this.#lane.gone && this.#traffic.quiet) return { kind: 'gone' };
    if (!this.#goesOn()) {
      const kind = this.#stop.end(now, this.#traffic.sending, this.#drainMs);
      return kind && { kind };
    }
    const parked = this.#taken.kind === 'stream' && this.#isIdle(now) ? await this.#endOfStream(now) : null;
    if (parked !== null) return parked;
    if (!this.#traffic.quiet) return null;
    const awayFor = this.#slot.awayFor(this.#lane.health.down, now);
    if (awayFor !== null) return { kind: 'held', wakeInMs: awayFor };
    if (this.#traffic.mayRead) return null;
    this.#lane.judgeSuspects(now, this.#taken.kind === 'replay' ? 'bounded' : 'endless');
    const over =
      this.#taken.kind === 'replay' && this.#lane.scannedTo >= this.#readable && this.#lane.open === 0;
    return over ? await this.#endOfReplay() : null;
  }

  /** A stream near the head that has had nothing to send for a while, however fast the head moves on. */
  #isIdle(now: number): boolean {
    const { inFlight, settled, scannedTo, isBehind } = this.#lane;
    const busy = isBehind || inFlight > 0 || this.#readable - scannedTo > nearHead;
    return this.#idleness.lasts(this.#deps.timing.idleMs, now, { settled, busy });
  }

  async #endOfStream(now: number): Promise<SliceEnd | null> {
    this.#lane.judgeSuspects(now, 'endless');
    if (this.#lane.open > 0) return null;
    const next = await this.#nextDue();
    const stays = (next !== null && next <= shortWaitMs) || this.#lane.open > 0;
    return stays ? null : { kind: 'idle', wakeInMs: next };
  }

  async #endOfReplay(): Promise<SliceEnd | null> {
    if (this.#canary?.full === true && this.#lane.scannedTo < (this.#taken.toPosition ?? 0))
      return { kind: 'canary' };
    const next = await this.#nextDue();
    if (next === null) return { kind: 'done' };
    return next > shortWaitMs ? { kind: 'waiting', wakeInMs: next } : null;
  }

  /** In how many milliseconds the next waiting delivery may come due, null when none waits. */
  async #nextDue(): Promise<number | null> {
    if (!this.#lane.hasWaiting) return null;
    // Rows that the next commit writes may be due before all that lie there.
    if (this.#lane.settled > this.#settledWritten || this.#lane.dueOpen > 0) return 0;
    return (await unlessOutage(nextDueInMs(this.#deps.db, this.#taken), 0)) ?? 0;
  }

  /** The last commit: hands the lane back with how it stands. */
  async #leave(end: SliceEnd): Promise<SliceEnd> {
    this.#hurry('more');
    const state = restingState(end) ?? (this.#lane.health.down === null ? 'ready' : 'held');
    const standing = this.#standing(state, 'wakeInMs' in end ? end.wakeInMs : null, true);
    // What could not be drained must not arrive after the lane is somebody else's. That it is broken off says nothing
    // of the destination.
    if (this.#traffic.sending) await this.#deps.sender.close();
    await this.#write(standing);
    return end;
  }

  /** A commit is due when something was settled and the last one is a moment ago, else when the lease wants it. */
  async #untilNextCommit(): Promise<void> {
    const before = this.#lane.settled;
    await this.#waitFor(commitGapMs, () => false);
    await this.#waitFor(
      renewMs - commitGapMs,
      () => this.#lane.settled > before || this.#stop.kind !== null || this.#atEnd,
    );
  }

  /** A replay has nothing left in hand. */
  get #atEnd(): boolean {
    const { scannedTo, open, hasWaiting } = this.#lane;
    return this.#taken.kind === 'replay' && scannedTo >= this.#readable && open === 0 && !hasWaiting;
  }

  async #waitFor(ms: number, ready: () => boolean): Promise<void> {
    const over = () => ready() || this.#traffic.failure !== null;
    if (over()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#nudge = () => {
      if (over()) resolve();
    };
    await promise;
    clearTimeout(timer);
    this.#nudge = () => undefined;
  }
}
