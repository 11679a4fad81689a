import { addEndings, brakeReason, noEndings, type Endings } from '../core/brakes.ts';
import type { Lane } from '../core/lane.ts';
import type { LaneCommit } from '../core/lane-types.ts';
import { brakeReplay } from '../db/replays.ts';
import type { TakenLane } from '../db/lane-lease.ts';
import type { Queryable } from '../db/sql.ts';
import { newsOf, type TellNews } from './lane-news.ts';

/** Pauses a replay that does more harm than good. Its own lane tells it how deliveries end; a stream has no brakes. */
export class ReplayBrakes {
  readonly #db: Queryable;
  readonly #taken: TakenLane;
  readonly #tell: TellNews;
  #endings: Endings;
  #counted = 0;

  constructor({ db, tell }: { db: Queryable; tell: TellNews }, taken: TakenLane) {
    this.#db = db;
    this.#tell = tell;
    this.#taken = taken;
    this.#endings = taken.endings ?? noEndings;
  }

  /** To be kept for the next slice, null when nothing has died. */
  get endings(): Endings | null {
    return Object.keys(this.#endings.dead).length === 0 ? null : this.#endings;
  }

  /** Takes in what a commit writes. */
  note(commit: LaneCommit, lane: Pick<Lane<unknown>, 'taken'>): void {
    const taken = lane.taken - this.#counted;
    this.#counted = lane.taken;
    this.#endings = addEndings(
      this.#endings,
      taken,
      commit.dead.map(({ failure }) => failure.errorClass),
    );
  }

  /** Pauses the replay if it should; the next commit hears of it. */
  async apply(lane: Pick<Lane<unknown>, 'health'>, now: number): Promise<void> {
    const { kind, runId, brakesReleased } = this.#taken;
    if (kind !== 'replay') return;
    const reason = brakeReason(this.#endings, lane.health, now, brakesReleased);
    if (reason === null || !(await brakeReplay(this.#db, runId, reason))) return;
    this.#tell(newsOf(this.#taken, 'replay_paused', reason));
  }
}
