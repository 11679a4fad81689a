/** How long a receiver that fails is asked again before what it was not told of is given up on; milliseconds. */
export const askAgainForMs = 3 * 24 * 60 * 60_000;

/** As often at least it is asked in that time: when nobody was there to ask, time alone gives up on nothing. */
export const leastAttempts = 10;

const pause = { firstMs: 5_000, maxMs: 5 * 60_000 };
const retry = { firstMs: 10_000, maxMs: 30 * 60_000 };
/** A receiver that asks for a longer wait is asked then. */
const longestWaitMs = 60 * 60_000;

/** How the sending of one event to one receiver has failed, this failure included. */
export interface FailedSending {
  /** Of the receiver, in a row: none of its events was taken in between. */
  readonly failures: number;
  /** Since the first of them; milliseconds. */
  readonly failingForMs: number;
  /** Of this event. */
  readonly attempts: number;
  /** Since the first of them; milliseconds. */
  readonly triedForMs: number;
  /** What the receiver asked for; milliseconds, null: nothing. */
  readonly retryAfterMs: number | null;
}

/** What follows from a failure. */
export interface AfterFailure {
  /** For how long the receiver is left alone; milliseconds. */
  readonly pauseMs: number;
  /** For how long this event is left alone: meanwhile others go; milliseconds. */
  readonly retryMs: number;
  /** `backlog`: all that has waited for as long as the receiver fails; `event`: this one, others were taken. */
  readonly giveUp: 'nothing' | 'event' | 'backlog';
}

/**
 * What follows when a receiver has not taken an event. Whether the receiver or the event is at fault cannot be known, so
 * both wait: the receiver from 5 s to 5 minutes, as one request finds out whether it is back, the event from 10 s to half an
 * hour, so that one that is refused for ever stands in nobody's way.
 * @param random uniform in [0, 1): jitter, so that receivers that failed at once are not asked at once
 */
export function afterFailure(failed: FailedSending, random: number): AfterFailure {
  const asked = Math.min(failed.retryAfterMs ?? 0, longestWaitMs);
  return {
    pauseMs: Math.max(asked, waitOf(pause, failed.failures, random)),
    retryMs: Math.max(asked, waitOf(retry, failed.attempts, random)),
    giveUp: isOver(failed.failures, failed.failingForMs)
      ? 'backlog'
      : isOver(failed.attempts, failed.triedForMs)
        ? 'event'
        : 'nothing',
  };
}

/** Doubling, with jitter of a quarter. */
function waitOf(
  { firstMs, maxMs }: { firstMs: number; maxMs: number },
  times: number,
  random: number,
): number {
  const grown = firstMs * 2 ** Math.min(Math.max(times, 1) - 1, 30);
  return Math.min(maxMs, grown) * (0.75 + random / 2);
}

const isOver = (times: number, forMs: number) => times >= leastAttempts && forMs >= askAgainForMs;
