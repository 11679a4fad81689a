import type { TakenLane } from '../db/lane-lease.ts';

/** What an operator wants to hear of a lane. */
export interface LaneNews {
  readonly what: 'destination_down' | 'destination_up' | 'replay_paused';
  /** As the lane's row has it, as in `destination_refuses: http_403`; of `destination_up`, what is over. */
  readonly reason: string;
  readonly destinationId: string;
  readonly kind: 'replay' | 'stream';
  readonly runId: string;
  readonly lane: number;
}

export type TellNews = (news: LaneNews) => void;

/** Tells once when a lane's destination is down or is so for another reason, and when it is up, whoever holds the lane. */
export class HealthNews {
  readonly #taken: TakenLane;
  readonly #tell: TellNews;
  #known: string | null;

  constructor(taken: TakenLane, tell: TellNews) {
    this.#taken = taken;
    this.#tell = tell;
    this.#known = taken.state === 'held' ? taken.stateReason : null;
  }

  /** @param reason why the lane is held, as a commit has just written it; null: it is not */
  written(reason: string | null): void {
    if (reason === this.#known) return;
    const what = reason === null ? 'destination_up' : 'destination_down';
    this.#tell(newsOf(this.#taken, what, reason ?? this.#known!));
    this.#known = reason;
  }
}

/** A piece of news about a lane. */
export function newsOf(taken: TakenLane, what: LaneNews['what'], reason: string): LaneNews {
  const { destination, kind, runId, lane } = taken;
  return { what, reason, destinationId: destination.id, kind, runId, lane };
}
