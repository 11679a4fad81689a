/** Which events of the past a destination takes, by their own time. What is absent is no limit. Milliseconds. */
export interface TimeRule {
  readonly maxAgeMs?: number;
  /** Since 1970. */
  readonly earliestMs?: number;
  readonly maxFutureMs?: number;
}

/** Why a replay does not send an event: it counts as `tooOld`, with this as its reason. */
export type OutOfTime = 'older_than_taken' | 'later_than_taken';

/**
 * Whether an event lies outside of what a destination takes; null: it does not.
 * @param time the event's own, ms since 1970. @param now the wall clock, ms since 1970
 */
export function outOfTime(rule: TimeRule, time: number, now: number): OutOfTime | null {
  const { maxAgeMs = Infinity, earliestMs = -Infinity, maxFutureMs = Infinity } = rule;
  if (time < earliestMs || now - time > maxAgeMs) return 'older_than_taken';
  return time - now > maxFutureMs ? 'later_than_taken' : null;
}
