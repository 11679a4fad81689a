import type { Position } from './event.ts';
import type { Failure, Outcome } from './outcome.ts';

/**
 * The destination as one lane sees it.
 *
 * up: sends as many as it may. Failures of one kind without a success between them form a streak, however long that
 *   takes: what a lane knows of it outlives its slices.
 *   -> down by an outcome that speaks for the account (connection failure, 401, 429), or by a streak of at least
 *      `streakEvents` distinct events of at least `streakUsers` users.
 * down: nothing is sent but one probe at a time, each after a wait that grows; nothing is given up.
 *   -> up by the first success outside a Retry-After; or, when the waits have stopped growing, by a refusal of one event
 *      if the outage was of another kind, or by its failure if all that is in hand is too little for a streak.
 *
 * Invariant: `streaks` is empty after every success, and none of them is long; `probing` implies down and exactly one
 * send in flight.
 */
export interface Health {
  readonly down: Down | null;
  readonly streaks: ReadonlyMap<string, Streak>;
}

export interface Down {
  readonly reason: 'destination_down' | 'destination_refuses' | 'throttled' | 'unauthorized';
  readonly failure: Failure;
  /** Since when it has been down for this reason, on the lane's clock. */
  readonly since: number;
  /** What the waits between probes have grown to, milliseconds; those of one that is just down are cut shorter. */
  readonly waitMs: number;
  /** When the next probe may leave, on the lane's clock. */
  readonly probeAt: number;
  readonly probing: boolean;
  /** The end of the longest Retry-After heard, on the lane's clock; until then not even a success reopens. */
  readonly closedUntil: number;
}

/** Events that failed in one way without a success between them. */
interface Streak {
  /** Whose each of them is. */
  readonly events: ReadonlyMap<Position, string>;
  readonly refused: boolean;
}

/** A streak as a lane's row keeps it for whoever takes the lane next; whose the events are stands in the archive. */
export interface KeptStreak {
  readonly errorClass: string;
  readonly refused: boolean;
  readonly positions: readonly Position[];
}

const streakEvents = 5;
const streakUsers = 2;
const firstWaitMs = 500;
const maxWaitMs = 30_000;
/**
 * One that cannot be reached or fails may be back at any moment, and asking costs it a request: with its jitter it is
 * never left alone for five seconds. One that has answered what is wrong is not asked so often.
 */
const maxDownWaitMs = 4_000;
/** A destination's Retry-After is followed up to this; milliseconds. */
export const maxRetryAfterMs = 60 * 60_000;

export const healthy: Health = { down: null, streaks: new Map() };

/**
 * A streak of one user may go on and on: of its events only the newest count, the older ones are in doubt no more. As many
 * as a lane's row and each further failure can bear.
 */
const keptEvents = 200;
/** Kinds of failures whose streaks are kept, so that a lane's row stays small whatever a destination answers. */
const keptKinds = 50;

/** What is to be remembered of the streaks when the lane is handed on: those of the newest kinds. */
export function keptStreaks({ streaks }: Health): KeptStreak[] {
  return [...streaks].slice(-keptKinds).map(([errorClass, { events, refused }]) => ({
    errorClass,
    refused,
    positions: [...events.keys()],
  }));
}

/** A lane goes on with the streaks that its last holder left. @param userOf whose an event is; undefined: it is gone */
export function withStreaks(
  health: Health,
  kept: readonly KeptStreak[],
  userOf: (position: Position) => string | undefined,
): Health {
  const streaks = new Map<string, Streak>();
  for (const { errorClass, refused, positions } of kept) {
    const events = new Map<Position, string>();
    for (const position of positions) {
      const user = userOf(position);
      if (user !== undefined) events.set(position, user);
    }
    if (events.size > 0) streaks.set(errorClass, { events, refused });
  }
  return { ...health, streaks };
}

/** Whether the destination has taken nothing since it refused an event so: nothing shows yet who is at fault. */
export function isInDoubt(health: Health, errorClass: string, position: Position): boolean {
  return health.down !== null || health.streaks.get(errorClass)?.events.has(position) === true;
}

/** An event that is in doubt because it was refused. */
export interface Doubted {
  readonly position: Position;
  readonly user: string;
  readonly errorClass: string;
}

export function* doubted({ streaks }: Health): Iterable<Doubted> {
  for (const [errorClass, { events, refused }] of streaks)
    if (refused) for (const [position, user] of events) yield { position, user, errorClass };
}

/**
 * A lane that the last slice left held goes on with its wait instead of starting over. Its first probe leaves a moment
 * later, so that there is more than one event to choose it from.
 * @param times.downForMs for how long it has been down @param times.closedForMs what is left of its Retry-After
 */
export function stillDown(
  down: Pick<Down, 'reason' | 'waitMs'>,
  failure: Failure,
  now: number,
  { downForMs = 0, closedForMs = 0 }: { downForMs?: number; closedForMs?: number } = {},
): Health {
  const since = now - downForMs;
  const probeAt = now + Math.max(firstWaitMs, closedForMs);
  const closedUntil = now + closedForMs;
  return { down: { ...down, failure, since, probeAt, probing: false, closedUntil }, streaks: new Map() };
}

/** Whether a send may start now, and if so whether it is a probe. */
export function maySend(health: Health, now: number): 'yes' | 'probe' | 'no' {
  if (health.down === null) return 'yes';
  return health.down.probing || now < health.down.probeAt ? 'no' : 'probe';
}

/** A probe has left. */
export function probeSent(health: Health): Health {
  return health.down === null ? health : { ...health, down: { ...health.down, probing: true } };
}

/** What was to be the probe did not reach the destination: another may leave at once. */
export function probeUnsent(health: Health): Health {
  return health.down === null ? health : { ...health, down: { ...health.down, probing: false } };
}

/** The destination took an event. What left before a Retry-After was heard does not take that back. */
export function succeeded(health: Health, now: number): Health {
  if (health.down === null || now >= health.down.closedUntil) return healthy;
  return { down: { ...health.down, probing: false }, streaks: new Map() };
}

/** The destination refused or failed one event. Only a streak of such speaks about the destination as a whole. */
export function failedOne(
  health: Health,
  params: {
    failure: Failure;
    refused: boolean;
    position: Position;
    user: string;
    /** The events that may be sent, this one among them. */
    inHand: Iterable<{ readonly position: Position; readonly user: string }>;
    now: number;
    random: number;
  },
): Health {
  const { failure, position, user, refused, inHand } = params;
  if (health.down !== null && !isOutlasted(health.down, refused, inHand))
    return waitOn(health, { ...params, reason: health.down.reason });
  const { errorClass } = failure;
  const events = new Map(health.streaks.get(errorClass)?.events).set(position, user);
  if (events.size > keptEvents) events.delete(events.keys().next().value!);
  const streaks = new Map(health.streaks);
  streaks.delete(errorClass); // what has grown last stands last
  if (!isLong(events)) return { down: null, streaks: streaks.set(errorClass, { events, refused }) };
  const reason = refused ? 'destination_refuses' : 'destination_down';
  return goDown(streaks, { ...params, reason });
}

/** @param events whose each of them is */
function isLong(events: ReadonlyMap<Position, string>): boolean {
  return events.size >= streakEvents && new Set(events.values()).size >= streakUsers;
}

/**
 * Whether what a probe came to shows that an outage is over, after it has been probed until the waits no longer grow.
 * Else a single event that is at fault itself would hold a lane for ever in which nothing else can be probed. A refusal
 * shows it if the outage began otherwise; a failure if so few are in hand that they would be taken for at fault
 * themselves had no outage come before.
 */
function isOutlasted(
  down: Down,
  refused: boolean,
  inHand: Iterable<{ readonly position: Position; readonly user: string }>,
): boolean {
  if (!down.probing || down.waitMs < maxWaitMs) return false;
  if (refused) return down.reason !== 'destination_refuses';
  const all = new Map<Position, string>();
  for (const { position, user } of inHand) {
    all.set(position, user);
    if (isLong(all)) return false;
  }
  return true;
}

/** An outcome that speaks for the whole account. */
export function failedWhole(
  health: Health,
  outcome: Extract<Outcome, { kind: 'down' | 'throttled' }>,
  now: number,
  random: number,
): Health {
  const { failure } = outcome;
  const params = { reason: wholeReason(outcome), failure, now, random };
  // Answers to what was in flight when it went down say nothing new, but a longer Retry-After is obeyed.
  const next = health.down === null ? goDown(health.streaks, params) : waitOn(health, params);
  if (outcome.kind === 'down' || outcome.retryAfterMs === null || next.down === null) return next;
  const until = now + Math.min(maxRetryAfterMs, Math.max(0, outcome.retryAfterMs));
  const closedUntil = Math.max(next.down.closedUntil, until);
  const probeAt = Math.max(next.down.probeAt, until);
  const down = { ...next.down, closedUntil, probeAt };
  if (until <= now || down.reason === 'throttled') return { ...next, down };
  // Whoever takes the lane next knows of the wait by this reason alone.
  return { ...next, down: { ...down, reason: 'throttled', failure, since: now } };
}

function wholeReason(outcome: Outcome & { kind: 'down' | 'throttled' }): Down['reason'] {
  if (outcome.kind === 'throttled') return 'throttled';
  return outcome.failure.status === 401 ? 'unauthorized' : 'destination_down';
}

/** @param streaks that go on when it is up again without having taken anything */
function goDown(
  streaks: Health['streaks'],
  params: { reason: Down['reason']; failure: Failure; now: number; random: number },
): Health {
  const { reason, failure, now, random } = params;
  const probeAt = now + firstWaitMs * (0.8 + 0.4 * random);
  const down = {
    reason,
    failure,
    since: now,
    waitMs: firstWaitMs,
    probeAt,
    probing: false,
    closedUntil: now,
  };
  return { down, streaks };
}

function waitOn(
  health: Health,
  params: { reason: Down['reason']; failure: Failure; now: number; random: number },
): Health {
  const { down } = health;
  if (down === null || !down.probing) return health;
  const { reason, failure } = params;
  const waitMs = Math.min(maxWaitMs, down.waitMs * 2);
  const longestMs = reason === 'destination_down' ? maxDownWaitMs : maxWaitMs;
  const probeAt = params.now + Math.min(longestMs, waitMs) * (0.8 + 0.4 * params.random);
  const since = reason === down.reason ? down.since : params.now;
  return { ...health, down: { ...down, reason, failure, since, waitMs, probeAt, probing: false } };
}
