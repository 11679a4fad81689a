/**
 * A lane is worked under a lease of this length, renewed with each commit; milliseconds.
 *
 * free: nobody holds it -> held, by whoever takes it under a fresh token.
 * held: every commit of its token renews it. Its holder may send for this long from when the last renewal was begun.
 *   -> free, by the holder's last commit; -> held by another, who saw its renewals stand still for this long.
 * Invariant: who has lost it sends nothing any more before another may take it, as the holder counts from before his
 * renewal was written, and the taker from after he saw it; and what he still writes is refused by its token.
 */
export const leaseMs = 5_000;

/** How long a lease without renewal still counts as live for people who look; milliseconds of Postgres time. */
export const leaseSeenLiveMs = 6_000;

/** What a taker has seen of a holder's renewals, on its own monotonic clock. */
export interface LeaseWatch {
  readonly renewals: number;
  /** When this count of renewals was first seen; milliseconds. */
  readonly since: number;
}

/**
 * Watches a lease that somebody holds. It may be taken once its renewals have stood still for a lease's length on the
 * watcher's own monotonic clock, so that a jump of the wall clock neither blocks nor makes two holders.
 */
export function watchLease(
  before: LeaseWatch | null,
  renewals: number,
  now: number,
): { readonly watch: LeaseWatch; readonly mayTake: boolean; readonly moved: boolean } {
  if (before === null || before.renewals !== renewals) {
    return { watch: { renewals, since: now }, mayTake: false, moved: before !== null };
  }
  return { watch: before, mayTake: hasStoodStill(before, now), moved: false };
}

/** Whether a lease whose renewals are still those that were seen may be taken. */
export function hasStoodStill({ since }: LeaseWatch, now: number): boolean {
  return now - since >= leaseMs;
}

/** The bucket ranges of a run's lanes: inclusive, without gap or overlap, as even as whole buckets allow. */
export function laneBuckets(lanes: number, bucketCount: number): readonly { from: number; to: number }[] {
  return Array.from({ length: lanes }, (_, lane) => ({
    from: Math.floor((lane * bucketCount) / lanes),
    to: Math.floor(((lane + 1) * bucketCount) / lanes) - 1,
  }));
}
