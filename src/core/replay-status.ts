import type { ScheduleStanding } from './replay-schedule.ts';

/** The statuses of a replay, spelled once. */
export const replayStatuses = [
  'planned',
  'running',
  'pausing',
  'paused',
  'cancelling',
  'cancelled',
  'completed',
  'completed_with_failures',
  'failed',
] as const;
export type ReplayStatus = (typeof replayStatuses)[number];

/** What a person or the engine wants of a run; owned by its row. */
export type Desired = 'planned' | 'running' | 'paused' | 'cancelled';

/** How a run ended. */
export type Ending = 'completed' | 'completed_with_failures' | 'cancelled' | 'failed';

/** Reasons of a pause behind the canary: resuming approves it. */
export const canaryReasons: readonly string[] = ['canary', 'canary_failed'];

/** What it would send reaches people or takes something away by now, and nobody has allowed that. */
export const sideEffects = 'side_effects';

/** Reasons of a pause by a brake; the kind of failure may follow behind a colon. Resuming releases that brake. */
export const brakeReasons: readonly string[] = [
  'error_rate',
  'repeated_error',
  'destination_refuses',
  'unauthorized',
  sideEffects,
];

/** What a holder of a lane is to do; `closed`: nothing before its replay's next window opens. */
export type HolderWish = Desired | 'closed';

/** Why a replay does not send now: no window of its schedule is open. */
export const outsideWindow = 'outside_window';
/** Why a planned replay does not run yet: its time has not come. */
export const scheduled = 'scheduled';

/** Why a replay is paused that has not begun: a person paused it while it was planned. */
const beforeStart = 'before_start';

/** What the last slice of a lane left. */
export type LaneState = 'ready' | 'held' | 'waiting' | 'parked' | 'canary' | 'done';

/** A lane that nobody has worked for longer than this waits for a worker: a start takes less. */
const unworkedAfterMs = 10_000;

/** The facts that a status is computed from. */
export interface StatusFacts {
  readonly desired: Desired;
  /** It is planned, and a person has paused it. */
  readonly heldBack: boolean;
  readonly revision: number;
  readonly statusReason: string | null;
  readonly endedAs: Ending | null;
  /** It has not marked all dead letters that it takes up, and sends nothing before. */
  readonly takesUp: boolean;
  readonly standing: ScheduleStanding;
  readonly lanes: readonly LaneFacts[];
}

export interface LaneFacts {
  /** A worker holds the lane and renews its lease. */
  readonly leaseLive: boolean;
  /** The revision that the holder has acted upon. */
  readonly leaseRevision: number;
  /** Since somebody last renewed a lease on it, or since the run was created; milliseconds. */
  readonly unworkedMs: number;
  readonly state: LaneState;
  readonly stateReason: string | null;
  readonly wakeAt: Date | null;
}

export interface StatusView {
  readonly status: ReplayStatus;
  /** Why it stands as it does, null when there is nothing to say. */
  readonly statusReason: string | null;
  /** When the engine tries again by itself, null when it is not waiting. */
  readonly nextRetryAt: Date | null;
}

/**
 * The status of a replay: a pure function of desired state, leases and end. A pause or cancel is true once no live
 * lease has confirmed less than the run's revision.
 *
 * planned <-> paused; planned -> running <-> (pausing -> paused); all of them -> cancelling -> cancelled; running -> completed,
 * completed_with_failures, failed. A wish changes the desired state at once; `-ing` lasts until every holder has obeyed.
 */
export function replayStatus(facts: StatusFacts): StatusView {
  const plain = (status: ReplayStatus): StatusView => ({
    status,
    statusReason: facts.statusReason,
    nextRetryAt: null,
  });
  if (facts.endedAs !== null) return plain(facts.endedAs);
  const obeyed = !facts.lanes.some((lane) => lane.leaseLive && lane.leaseRevision < facts.revision);
  switch (facts.desired) {
    case 'planned':
      return facts.heldBack
        ? { ...plain('paused'), statusReason: beforeStart }
        : { ...plain('planned'), statusReason: whyPlanned(facts) };
    case 'paused':
      return plain(obeyed ? 'paused' : 'pausing');
    case 'cancelled':
      return plain(obeyed ? 'cancelled' : 'cancelling');
    case 'running':
      return running(facts);
  }
}

function whyPlanned({ standing: { startsInMs }, statusReason }: StatusFacts): string | null {
  if (startsInMs !== null && startsInMs > 0) return scheduled;
  const overdue = statusReason === scheduled && (startsInMs ?? 0) < -unworkedAfterMs;
  return overdue ? 'waiting_for_worker' : statusReason;
}

function running(facts: StatusFacts): StatusView {
  if (facts.takesUp) return { status: 'running', statusReason: 'taking_up', nextRetryAt: null };
  const { opening, openForMs } = facts.standing;
  if (opening.kind === 'closed') return { status: 'running', statusReason: outsideWindow, nextRetryAt: null };
  // A lane that has sent its share of the canary has nothing to do until the others have.
  const open = facts.lanes.filter((lane) => lane.state !== 'done' && lane.state !== 'canary');
  const held = open.find((lane) => lane.state === 'held');
  const waits = open.flatMap((lane) => (lane.wakeAt === null ? [] : [lane.wakeAt.getTime()]));
  const nextRetryAt = waits.length === 0 ? null : new Date(Math.min(...waits));
  if (held !== undefined) {
    return { status: 'running', statusReason: held.stateReason ?? 'destination_down', nextRetryAt };
  }
  if (open.length > 0 && open.every((lane) => lane.state === 'waiting')) {
    return { status: 'running', statusReason: 'retrying', nextRetryAt };
  }
  const driven =
    open.length === 0 ||
    (openForMs !== null && openForMs < unworkedAfterMs) ||
    open.some((lane) => lane.leaseLive || lane.unworkedMs < unworkedAfterMs);
  return { status: 'running', statusReason: driven ? null : 'waiting_for_worker', nextRetryAt: null };
}
