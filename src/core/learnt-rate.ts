/** The rate that an account has taught by its answers 429, in requests. Times are milliseconds of Postgres time. */
export interface LearntRate {
  readonly requestsPerSecond: number;
  /** The rate at which it was told to slow down. */
  readonly toldAt: number;
  /** When it was last lowered, and from when on it grows. */
  readonly loweredAt: number;
  readonly growsFrom: number;
}

/** What is left of a rate after a 429: the same part as with AWS's adaptive retry mode. */
const shrinkTo = 0.7;
/** What a second without a 429 adds: the rate before is reached again after 18 s. */
const growthPerSecond = 1.02;
/** A rate this many times that of the 429 without another one says that its limit is gone. */
const forgottenAt = 2;
/** An account that takes hardly anything is still asked this often; requests per second. */
const lowestRate = 0.5;
/** One burst of requests is answered by many a 429 that say the same. */
const sameBurstMs = 1_000;

/** The learnt rate as it has grown by now; null: it has been outgrown. */
export function learntNow(learnt: LearntRate, now: number): number | null {
  const seconds = Math.max(0, now - learnt.growsFrom) / 1_000;
  const rate = learnt.requestsPerSecond * growthPerSecond ** seconds;
  return rate >= learnt.toldAt * forgottenAt ? null : rate;
}

/** Lowers the rate because of a 429. @param seen requests per second that led to it */
export function shrink(
  learnt: LearntRate | null,
  seen: number,
  { now, growsFrom }: { now: number; growsFrom: number },
): LearntRate {
  if (learnt !== null && isSameBurst(learnt, now)) return { ...learnt, growsFrom };
  const before = learnt === null ? null : learntNow(learnt, now);
  const toldAt = Math.max(lowestRate, Math.min(seen, before ?? Number.POSITIVE_INFINITY));
  return { requestsPerSecond: Math.max(lowestRate, toldAt * shrinkTo), toldAt, loweredAt: now, growsFrom };
}

/** It was lowered a moment ago, or for the closed window that lasts yet: by no more than a Retry-After may. */
function isSameBurst({ loweredAt, growsFrom }: LearntRate, now: number): boolean {
  return now >= loweredAt && now < Math.max(loweredAt, growsFrom) + sameBurstMs;
}
