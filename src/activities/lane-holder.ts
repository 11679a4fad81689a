import { setTimeout as pause } from 'node:timers/promises';
import type { LaneCommit } from '../core/lane-types.ts';
import { leaseMs } from '../core/lease.ts';
import type { Database } from '../db/database.ts';
import { commitLane, LeaseLost, type LaneStanding } from '../db/lane-commit.ts';
import { wantedNow, type TakenLane, type Wanted, type WantedRow } from '../db/lane-lease.ts';
import { isOutage } from '../db/outage.ts';
import { isSameSeal } from '../destinations/secrets.ts';
import { laneCommitFailures, laneCommitSeconds } from '../metrics/delivery.ts';
import { LaneMeter } from './lane-meter.ts';
import { HealthNews, type TellNews } from './lane-news.ts';
import { patienceMs, retryMs, type Waiting } from './patience.ts';

interface HolderDeps extends Waiting {
  readonly db: Database;
  readonly tell: TellNews;
}

/** How often a schedule is looked at; milliseconds. */
const lookAtScheduleMs = 500;

/**
 * The lease on a lane. It lasts `leaseMs` from the moment at which its last renewal was begun, on this process's own
 * monotonic clock: a process that was stopped and wakes up finds it over.
 */
export class LaneHolder {
  readonly meter: LaneMeter;
  readonly #deps: HolderDeps;
  readonly #taken: TakenLane;
  readonly #news: HealthNews;
  #until: number;
  #wanted: Wanted;
  /** When the replay's window closes, and when its schedule is looked at again. */
  #closesAt = Infinity;
  #lookAt = -Infinity;
  #failing = false;
  /** The lease had run out before it was renewed: others were told that nobody sends, and must go on to be right. */
  #lapsed = false;

  /** @param takenAt when the taking was begun */
  constructor(deps: HolderDeps, taken: TakenLane, takenAt: number) {
    this.#deps = deps;
    this.#news = new HealthNews(taken, deps.tell);
    this.#taken = taken;
    this.meter = new LaneMeter(taken);
    this.#until = takenAt + leaseMs;
    this.#wanted = taken.wanted;
    this.#keepWindow(takenAt);
  }

  /** What the run's row wanted at the last commit. */
  get wanted(): Wanted {
    return this.#wanted;
  }

  /** Whether the destination's settings changed since the lane was taken; a new key around them is no change. */
  get hasNewSettings(): boolean {
    return !isSameSeal(this.#wanted.settingsSealed, this.#taken.destination.settingsSealed);
  }

  /** Whether something may leave now: the lease and the window last, and what has been done before could be written down. */
  get mayWrite(): boolean {
    return !this.#failing && !this.#lapsed && this.#deps.now() < Math.min(this.#until, this.#closesAt);
  }

  /** All that was wanted at the last commit is so: a lease that had run out is as good as any again. */
  obeyed(): void {
    this.#lapsed = false;
  }

  /**
   * Writes a commit and renews the lease. Tries again while the lease lasts, and while Postgres is away, as the lane can
   * be nobody else's then without the token telling: the same commit twice changes nothing.
   * @throws LeaseLost, or what the database threw last
   */
  async commit(commit: LaneCommit, standing: LaneStanding): Promise<void> {
    const { db, now, signal } = this.#deps;
    const since = now();
    for (;;) {
      const begunAt = now();
      try {
        this.#hear(await commitLane(db, this.#taken, commit, standing), begunAt);
        this.#lapsed ||= now() >= this.#until;
        this.#until = begunAt + leaseMs;
        this.#failing = false;
        this.meter.committed(commit);
        laneCommitSeconds.observe({ kind: this.#taken.kind }, (now() - begunAt) / 1_000);
        return this.#news.written(standing);
      } catch (error) {
        if (!(error instanceof LeaseLost)) laneCommitFailures.inc({ kind: this.#taken.kind });
        this.#failing = true; // nothing new is sent: it could not be written down
        const pauseMs = retryMs(now() - since);
        const lasts = now() + pauseMs < this.#until;
        const waits = isOutage(error) && !signal.aborted && now() < since + patienceMs;
        if (error instanceof LeaseLost || !(lasts || waits)) throw error;
        await pause(pauseMs);
      }
    }
  }

  /** There may be fifty commits a second, and a schedule says the same for at least a minute: it is asked less often. */
  #hear(row: WantedRow, readAt: number): void {
    const { revision, settingsSealed, suppressionRevision, account } = row;
    if (readAt < this.#lookAt && revision === this.#wanted.revision) {
      this.#wanted = { ...this.#wanted, settingsSealed, suppressionRevision, account };
    } else {
      this.#wanted = wantedNow(row);
      this.#keepWindow(readAt);
    }
  }

  /** @param readAt before Postgres was asked for its time: the window is not kept open for longer by the answer's way */
  #keepWindow(readAt: number): void {
    const { closesInMs } = this.#wanted;
    this.#closesAt = closesInMs === null ? Infinity : readAt + closesInMs;
    this.#lookAt = readAt + lookAtScheduleMs;
  }
}
