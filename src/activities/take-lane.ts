import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { hasStoodStill, watchLease, type LeaseWatch } from '../core/lease.ts';
import type { Database } from '../db/database.ts';
import { takeLane, type TakeLane } from '../db/lane-lease.ts';

const lookEveryMs = 500;

/**
 * Takes a lane, waiting for a holder's lease to stand still if there is one. A holder who goes on renewing keeps it.
 * @param seen what has been seen of its lease before, on the same clock
 * @param limitMs how long to wait for a holder who is alive
 * @returns with the time at which the taking itself was begun; null when the lane is still somebody else's after the limit
 */
export async function takeLaneWhenFree(
  db: Database,
  lane: { runId: string; lane: number },
  clock: { now: () => number; signal: AbortSignal; limitMs: number },
  seen: LeaseWatch | null = null,
): Promise<(Exclude<TakeLane, { kind: 'held' }> & { readonly begunAt: number }) | null> {
  const giveUpAt = clock.now() + clock.limitMs;
  let watch = seen;
  let stale = seen !== null && hasStoodStill(seen, clock.now()) ? seen.renewals : null;
  while (clock.now() < giveUpAt && !clock.signal.aborted) {
    const begunAt = clock.now();
    const taken = await takeLane(db, { ...lane, token: randomUUID(), stale });
    if (taken.kind !== 'held') return { ...taken, begunAt };
    const seen = watchLease(watch, taken.renewals, clock.now());
    watch = seen.watch;
    stale = seen.mayTake ? taken.renewals : null;
    if (stale === null) await pause(lookEveryMs);
  }
  return null;
}
