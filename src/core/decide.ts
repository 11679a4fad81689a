import { bucketOf, isLeftOut, type Bucket } from './counts.ts';
import type { Settled } from './tally.ts';
import type { OutOfTime } from './time-rule.ts';

/** What is known of one event and one action before anything is sent. */
export interface Knowledge {
  /** This run has set the action's bit. */
  readonly ownBit: boolean;
  /** Another run since the action's epoch has. */
  readonly otherBit: boolean;
  /** It waits in this run, or died in it. */
  readonly ownRow: 'waiting' | 'dead' | null;
  /** It waits in another run of the destination. */
  readonly waitsElsewhere: boolean;
  /** The run is to deliver it; false: it retries other deliveries of the event. */
  readonly asked: boolean;
  /** The action's trigger takes the event. */
  readonly triggered: boolean;
  /** The destination's own filter takes it. */
  readonly passes: boolean;
  /** The event itself says that it is not for the destination. */
  readonly optedOut: boolean;
  /** Nothing may be sent to its user. */
  readonly suppressed: boolean;
  /** The destination does not take events of its time. */
  readonly outOfTime: OutOfTime | null;
  /** The destination's success says that it has an event. */
  readonly confirms: boolean;
}

/** What to do with an event for one action. */
export type Decision =
  | { readonly kind: 'deliver' }
  | {
      readonly kind: 'settled';
      readonly bucket: Bucket;
      readonly reason: string | null;
      readonly set: boolean;
    };

const settled = (bucket: Bucket, reason: string | null = null, set = false): Decision => ({
  kind: 'settled',
  bucket,
  reason,
  set,
});

/**
 * Decides one delivery. What this run has already is not sent again, whatever the mode: after a crash everything
 * above the mark is read once more. `missing` leaves out what the action has from another run; every mode leaves out
 * what waits in another run, which would otherwise arrive twice.
 */
export function decide(mode: 'missing' | 'all' | 'failed', known: Knowledge): Decision {
  if (known.ownBit) {
    if (mode !== 'all' && known.otherBit) return settled('alreadyDelivered');
    return settled(known.confirms ? 'delivered' : 'unconfirmable');
  }
  if (known.ownRow !== null) return settled(known.ownRow);
  if (!known.asked) return settled('filtered', 'not_to_retry');
  if (!known.triggered) return settled('filtered', 'trigger');
  if (!known.passes) return settled('filtered', 'filter');
  // What was given up on had been let through, and an event never says anything else later.
  if (known.optedOut && mode !== 'failed') return settled('filtered', 'integrations');
  if (mode !== 'all' && known.otherBit) return settled('alreadyDelivered', null, true);
  if (known.suppressed) return settled('suppressed');
  if (known.outOfTime !== null) return settled('tooOld', known.outOfTime);
  if (known.waitsElsewhere) return settled('filtered', 'waiting_elsewhere');
  return { kind: 'deliver' };
}

const none: readonly never[] = [];

/** The decisions of an event's actions, put together for the lane; the reason is that of an event left out as a whole. */
export function gather(decisions: readonly (readonly [actionId: string, decision: Decision])[]): {
  deliver: readonly string[];
  settled: readonly Settled[];
  have: readonly string[];
  reason: string | null;
} {
  if (decisions.every(([, { kind }]) => kind === 'deliver'))
    return { deliver: decisions.map(([actionId]) => actionId), settled: none, have: none, reason: null };
  const deliver: string[] = [];
  const settledOnes: Settled[] = [];
  const have: string[] = [];
  const reasons = new Map<Bucket, string | null>();
  for (const [actionId, decision] of decisions) {
    if (decision.kind === 'deliver') {
      deliver.push(actionId);
      continue;
    }
    settledOnes.push({ actionId, bucket: decision.bucket });
    if (decision.set) have.push(actionId);
    if (!reasons.has(decision.bucket)) reasons.set(decision.bucket, decision.reason);
  }
  const bucket = bucketOf(settledOnes.map((one) => one.bucket));
  const isUnsent = deliver.length === 0 && isLeftOut(bucket);
  return { deliver, settled: settledOnes, have, reason: isUnsent ? (reasons.get(bucket) ?? null) : null };
}
