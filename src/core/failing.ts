/** How deliveries to one destination ended lately. */
export interface RecentDeliveries {
  /** Given up on, or set aside to be tried again, more than there were before. */
  readonly failed: number;
  readonly delivered: number;
}

/** A few failures are no news, whatever their share. */
export const leastFailed = 10;
/** From this share of failures on a destination counts as failing. */
export const failingFrom = 0.2;
/** It does so until the share is below this one: what lies between changes nothing. */
export const failingUntil = 0.05;

/**
 * Whether a destination that takes events refuses or loses a good part of them. It is judged by what happened lately, and by
 * how it was judged before, so that one at the edge is told of once.
 * @param was how it was judged before
 */
export function isFailing(was: boolean, { failed, delivered }: RecentDeliveries): boolean {
  const share = failed === 0 ? 0 : failed / (failed + delivered);
  return was ? share >= failingUntil : failed >= leastFailed && share >= failingFrom;
}
