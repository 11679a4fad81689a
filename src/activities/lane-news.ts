import type { LaneStanding } from '../db/lane-commit.ts';
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

/** One that only wants to be asked less is told of when its waits between probes have grown to this; milliseconds. */
const slowedMs = 16_000;

type Held = Pick<LaneStanding, 'reason' | 'holdMs'>;

/**
 * Tells once when a lane's destination is down or is so in another way, and when it is up, whoever holds the lane. That
 * it says "slow down" is no news unless it goes on: under a limit it does so every few seconds.
 */
export class HealthNews {
  readonly #taken: TakenLane;
  readonly #tell: TellNews;
  #known: string | null;

  constructor(taken: TakenLane, tell: TellNews) {
    this.#taken = taken;
    this.#tell = tell;
    const { state, stateReason, holdMs } = taken;
    this.#known = state === 'held' && !isSlowed({ reason: stateReason, holdMs }) ? stateReason : null;
  }

  /** @param held why the lane is held, as a commit has just written it */
  written(held: Held): void {
    const { reason } = held;
    if (kindOf(reason) === kindOf(this.#known) || isSlowed(held)) return;
    const what = reason === null ? 'destination_up' : 'destination_down';
    this.#tell(newsOf(this.#taken, what, reason ?? this.#known!));
    this.#known = reason;
  }
}

function isSlowed({ reason, holdMs }: Held): boolean {
  return kindOf(reason) === 'throttled' && (holdMs ?? 0) < slowedMs;
}

/** Without the class of the failure, as each probe may fail in another way. */
function kindOf(reason: string | null): string | null {
  return reason?.split(':', 1)[0] ?? null;
}

/** A piece of news about a lane. */
export function newsOf(taken: TakenLane, what: LaneNews['what'], reason: string): LaneNews {
  const { destination, kind, runId, lane } = taken;
  return { what, reason, destinationId: destination.id, kind, runId, lane };
}
