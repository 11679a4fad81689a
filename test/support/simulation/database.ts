import { canaryVerdict } from '../../../src/core/canary.ts';
import { noCounts } from '../../../src/core/counts.ts';
import type { Bits, ChunkBits } from '../../../src/core/coverage.ts';
import type { Down, KeptStreak } from '../../../src/core/health.ts';
import type { DeadRow, LaneCommit, LaneProgress } from '../../../src/core/lane-types.ts';
import { standingAt } from '../../../src/core/replay-schedule.ts';
import {
  canaryReasons,
  type Desired,
  type Ending,
  type LaneFacts,
  type LaneState,
  type StatusFacts,
} from '../../../src/core/replay-status.ts';
import { leaseSeenLiveMs } from '../../../src/core/lease.ts';
import { keyOf } from './delivery-key.ts';
import { WaitingRows } from './waiting-rows.ts';

/** How a lane that is held says so. */
export interface Held {
  readonly reason: Down['reason'];
  readonly errorClass: string;
  readonly waitMs: number;
  /** For how long, as its holder knows. */
  readonly heldForMs: number;
}

/** What a commit says beside what the lane's books hold. */
export interface Standing {
  readonly state: LaneState;
  readonly held: Held | null;
  readonly streaks: readonly KeptStreak[];
  readonly wakeInMs: number | null;
  readonly revision: number;
  readonly suppressionRevision: number;
  readonly release: boolean;
}

export interface Wanted {
  readonly desired: Desired;
  readonly revision: number;
  readonly to: number;
  readonly suppressionRevision: number;
}

export interface SimTaken {
  readonly kind: 'taken';
  readonly progress: LaneProgress;
  readonly wanted: Wanted;
  readonly held: Held | null;
  readonly streaks: readonly KeptStreak[];
  readonly heldForMs: number;
  readonly brakesReleased: readonly string[];
  readonly canaryPassed: boolean;
  /** For how long yet the last holder wanted it left alone. */
  readonly wakeInMs: number;
}

export type SimTake =
  | SimTaken
  | { readonly kind: 'held'; readonly renewals: number }
  | { readonly kind: 'stopped'; readonly desired: Desired }
  | { readonly kind: 'ended' };

/** What outlives every crash: a run with one lane, its coverage, its waiting and dead deliveries. */
export class SimDatabase {
  readonly #wall: () => number;
  readonly run = {
    desired: 'running' as Desired,
    revision: 1,
    to: 0,
    endedAs: null as Ending | null,
    statusReason: null as string | null,
    brakesReleased: [] as readonly string[],
    canaryPassed: false,
  };
  readonly lane = {
    token: null as number | null,
    released: true,
    renewals: 0,
    renewedAt: -Infinity,
    revision: 0,
    suppressionRevision: 0,
    state: 'ready' as LaneState,
    held: null as Held | null,
    streaks: [] as readonly KeptStreak[],
    heldSince: null as number | null,
    wakeAt: null as number | null,
    mark: 0,
    counts: noCounts,
    ahead: noCounts,
    readTo: 0,
  };
  readonly suppressed = { users: new Set<string>(), revision: 0 };
  readonly coverage = new Map<string, ChunkBits>();
  /** The same, as whoever looks from outside reads it. */
  readonly has = new Set<number>();
  readonly rows: WaitingRows;
  readonly dead = new Map<number, DeadRow>();

  /** @param wall Postgres time, which may jump */
  constructor(wall: () => number, to: number) {
    this.#wall = wall;
    this.rows = new WaitingRows(wall);
    this.run.to = to;
  }

  /** Takes the lane if it is free. @param stale renewals of a holder that stood still */
  take(token: number, stale: number | null): SimTake {
    const { run, lane } = this;
    if (run.endedAs !== null) return { kind: 'ended' };
    const free = lane.released || (stale !== null && lane.renewals === stale);
    if (run.desired !== 'running') {
      if (free) Object.assign(lane, { token: null, released: true, revision: run.revision });
      return { kind: 'stopped', desired: run.desired };
    }
    if (lane.state === 'done') return { kind: 'ended' };
    if (!free) return { kind: 'held', renewals: lane.renewals };
    if (lane.state !== 'held')
      Object.assign(lane, { state: 'ready', held: null, heldSince: null, wakeAt: null });
    lane.renewals++;
    Object.assign(lane, { token, released: false, renewedAt: this.#wall(), revision: run.revision });
    lane.suppressionRevision = this.suppressed.revision;
    const wakeInMs = lane.wakeAt === null ? 0 : Math.max(0, lane.wakeAt - this.#wall());
    const { mark, counts, ahead, readTo, held, streaks, heldSince } = lane;
    const progress = { mark, counts, ahead, readTo };
    const heldForMs = heldSince === null ? 0 : this.#wall() - heldSince;
    const { brakesReleased, canaryPassed } = run;
    const wanted = this.#wanted;
    const facts = { progress, wanted, held, streaks, heldForMs, wakeInMs, brakesReleased, canaryPassed };
    return { kind: 'taken', ...facts };
  }

  /** Writes all of a commit at once; doing it again changes nothing. @returns null: the lane is another's, or over */
  commit(token: number, commit: LaneCommit, standing: Standing): Wanted | null {
    const { lane, run } = this;
    if (lane.token !== token) return null;
    const { mark, counts, ahead, readTo } = commit;
    const { held, streaks, revision, suppressionRevision, release } = standing;
    const heldSince = held === null ? null : this.#wall() - held.heldForMs;
    const isAsBefore = lane.held?.reason === held?.reason && lane.held?.errorClass === held?.errorClass;
    lane.heldSince = isAsBefore ? (lane.heldSince ?? heldSince) : heldSince;
    const wakeAt = standing.wakeInMs === null ? null : this.#wall() + standing.wakeInMs;
    // A range that was extended since the holder looked is not done.
    const state = standing.state === 'done' && mark < run.to ? 'ready' : standing.state;
    lane.renewals++;
    Object.assign(lane, { mark, counts, ahead, readTo, state, held, wakeAt, revision, suppressionRevision });
    Object.assign(lane, { streaks, renewedAt: this.#wall(), released: release });
    for (const part of commit.bits) this.#merge(part);
    for (const row of commit.waiting) this.rows.write(row);
    for (const { position, actionId } of commit.ended) this.rows.delete(keyOf(position, actionId));
    for (const row of commit.dead) {
      const key = keyOf(row.position, row.actionId);
      if (!this.dead.has(key)) this.dead.set(key, row);
    }
    for (const orderKey of commit.promote) this.rows.callFirst(orderKey, ({ dueAt }) => dueAt === null);
    for (const orderKey of commit.hurry) this.rows.callFirst(orderKey, ({ dueAt }) => dueAt! > this.#wall());
    for (const { position, errorClass } of commit.callUp) this.rows.callUp(position, errorClass);
    return this.#wanted;
  }

  /** Something else is wanted of the run; one that has ended stays as it is. Who resumes it has seen why it stood. */
  wish(desired: Desired, reason: string | null = null): boolean {
    const { run, lane } = this;
    if (run.endedAs !== null || run.desired === 'cancelled' || run.desired === desired) return false;
    const stoodFor = run.statusReason;
    Object.assign(run, { desired, statusReason: reason, revision: run.revision + 1 });
    if (desired !== 'running') return true;
    if (stoodFor !== null && canaryReasons.includes(stoodFor)) run.canaryPassed = true;
    else if (stoodFor !== null) run.brakesReleased = [...run.brakesReleased, stoodFor];
    if (lane.held?.reason === 'destination_refuses' || lane.held?.reason === 'unauthorized')
      Object.assign(lane, { state: 'ready', held: null, heldSince: null, wakeAt: null });
    return true;
  }

  /** The range grows. */
  extend(to: number): boolean {
    const { run, lane } = this;
    if (run.endedAs !== null || run.desired === 'cancelled' || to <= run.to) return false;
    Object.assign(run, { to, revision: run.revision + 1 });
    if (lane.state === 'done') lane.state = 'ready';
    return true;
  }

  /** Once the first events have been sent: the run goes on, or waits for a person. @returns whether it goes on now */
  settleCanary(then: 'continue' | 'pause'): boolean {
    const { run, lane } = this;
    if (run.endedAs !== null || run.canaryPassed || run.desired !== 'running') return false;
    if (lane.state !== 'canary' && lane.state !== 'done') return false;
    const good = canaryVerdict(lane.counts) === 'good';
    run.revision++;
    if (good && then === 'continue') return (run.canaryPassed = true);
    Object.assign(run, { desired: 'paused', statusReason: good ? 'canary' : 'canary_failed' });
    return false;
  }

  /** Forbids or allows sending to a user. @returns the revision of the change */
  suppress(user: string, suppressed: boolean): number {
    const { users } = this.suppressed;
    if (suppressed) users.add(user);
    else users.delete(user);
    return ++this.suppressed.revision;
  }

  /** Whether no live lease has confirmed less. */
  hasHeard(suppressionRevision: number): boolean {
    return !this.#leaseLive || this.lane.suppressionRevision >= suppressionRevision;
  }

  /** Ends the run if its time has come. */
  endIfDue(): void {
    const { run, lane } = this;
    if (run.endedAs !== null) return;
    const cancelled = run.desired === 'cancelled' && !this.#leaseLive;
    if (!cancelled && (run.desired === 'cancelled' || lane.state !== 'done')) return;
    run.endedAs = cancelled ? 'cancelled' : this.#completed;
    this.rows.clear();
    Object.assign(lane, { state: 'done', wakeAt: null, token: null, released: true });
  }

  /** What the run's status is computed from. */
  get facts(): StatusFacts {
    const { run, lane } = this;
    const wakeAt = lane.wakeAt === null ? null : new Date(lane.wakeAt);
    const facts: LaneFacts = {
      leaseLive: this.#leaseLive,
      leaseRevision: lane.revision,
      unworkedMs: this.#wall() - lane.renewedAt,
      state: lane.state,
      stateReason: null,
      wakeAt,
    };
    const standing = standingAt(null, this.#wall());
    const { desired, revision, endedAs, statusReason } = run;
    return {
      desired,
      heldBack: false,
      revision,
      endedAs,
      statusReason,
      takesUp: false,
      standing,
      lanes: [facts],
    };
  }

  get #wanted(): Wanted {
    const { desired, revision, to } = this.run;
    return { desired, revision, to, suppressionRevision: this.suppressed.revision };
  }

  get #leaseLive(): boolean {
    return !this.lane.released && this.lane.renewedAt > this.#wall() - leaseSeenLiveMs;
  }

  get #completed(): Ending {
    return (this.lane.counts.events.dead ?? 0) > 0 ? 'completed_with_failures' : 'completed';
  }

  #merge({ actionId, chunk, bits }: LaneCommit['bits'][number]): void {
    const chunks = this.coverage.get(actionId) ?? new Map<number, Bits>();
    this.coverage.set(actionId, chunks);
    let has = chunks.get(chunk);
    if (has === undefined) chunks.set(chunk, (has = new Uint8Array(bits.length)));
    const [to, from] = [wordsOf(has), wordsOf(bits)];
    for (let at = 0; at < from.length; at++) {
      if ((from[at]! | to[at]!) === to[at]!) continue;
      to[at]! |= from[at]!;
      this.#note(actionId, chunk, has, at);
    }
  }

  /** As Postgres numbers them: 8,192 to a chunk, the first one is the highest of the first byte. */
  #note(actionId: string, chunk: number, bits: Bits, word: number): void {
    for (let bit = word * 32; bit < word * 32 + 32; bit++) {
      if (((bits[bit >> 3]! >> (7 - (bit % 8))) & 1) === 1)
        this.has.add(keyOf(chunk * 8_192 + bit, actionId));
    }
  }
}

function wordsOf(bits: Bits): Uint32Array {
  return new Uint32Array(bits.buffer, bits.byteOffset, bits.byteLength / 4);
}
