/** Tries of one delivery within a slice before it is set aside. */
export const triesInSlice = 5;

/**
 * For how long a delivery is tried within a slice; milliseconds. Without it one whose tries each take until a timeout
 * would outlast every slice, and be started over in the next.
 */
export const tryForMs = 60_000;

/** For how long at least a delivery that was set aside is retried before it becomes a dead letter; milliseconds. */
export const retryForMs = 4 * 60 * 60_000;

/** How many of a user's events may stand behind a waiting one before that one becomes a dead letter. */
export const maxBehind = 10_000;

const ladder = { firstMs: 200, factor: 3.7, maxMs: 10_000 };
const schedule = { firstMs: 10_000, factor: 2, maxMs: 30 * 60_000 };

/**
 * The wait before the next try within the slice, 0.2 s growing to 10 s, with jitter of a fifth.
 * @param tries how many have failed, from 1
 * @param random uniform in [0, 1)
 * @returns milliseconds
 */
export function ladderDelayMs(tries: number, random: number): number {
  return Math.min(ladder.maxMs, ladder.firstMs * ladder.factor ** (tries - 1) * spread(random));
}

/**
 * The wait of a delivery that was set aside: at most 15 s at first, doubling to half an hour, with jitter.
 * @param rounds how often it has been set aside before, from 0
 * @returns milliseconds
 */
export function setAsideDelayMs(rounds: number, random: number): number {
  return Math.min(schedule.maxMs, schedule.firstMs * schedule.factor ** rounds * spread(random));
}

/**
 * How often a delivery is set aside in `retryForMs` even when each time takes its longest: tried for `tryForMs`, then
 * waiting with the most jitter. One that is old but was set aside less often has not been tried for all that time,
 * because its run was paused or its destination down.
 */
export const retryRounds = roundsWithin(retryForMs);

/**
 * Whether a delivery that failed again is given up on.
 * @param ageMs since its first failure @param rounds how often it has been set aside before
 * @param behind how many stand behind it
 */
export function isExhausted(ageMs: number, rounds: number, behind: number): boolean {
  return (ageMs >= retryForMs && rounds >= retryRounds) || behind > maxBehind;
}

function roundsWithin(ms: number): number {
  let rounds = 0;
  for (let left = ms; left >= 0; rounds++) left -= tryForMs + setAsideDelayMs(rounds, 1);
  return rounds - 1;
}

function spread(random: number): number {
  return 0.8 + 0.4 * random;
}
