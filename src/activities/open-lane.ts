import { isOwnRefusal } from '../core/brakes.ts';
import { CanaryShare } from '../core/canary.ts';
import type { ArchivedEvent } from '../core/event.ts';
import { healthy, stillDown, withStreaks, type Down, type Health } from '../core/health.ts';
import { Lane } from '../core/lane.ts';
import type { LaneKnowledge } from '../db/lane-knowledge.ts';
import type { TakenLane } from '../db/lane-lease.ts';

/** The decisions of a lane as its last holder left them. @param now on the slice's clock */
export function openLane(
  taken: TakenLane,
  known: LaneKnowledge,
  params: { batchSize: number; random: () => number; now: number },
): Lane<ArchivedEvent> {
  const { mark, counts, ahead, readTo, samples, orderBy, brakesReleased } = taken;
  const actions = taken.actions.map((action) => action.actionId);
  const { batchSize, random } = params;
  const { waitingByKey } = known;
  const isOwn = (errorClass: string) => isOwnRefusal(brakesReleased, errorClass);
  const told = { mark, counts, ahead, readTo, samples, orderBy };
  return new Lane(
    { ...told, actions, batchSize, waitingByKey, random, isOwnRefusal: isOwn },
    withStreaks(healthOf(taken, params.now), taken.streaks, (position) => known.userOf.get(position)),
  );
}

/** How a lane that is held says so in its row: the reason and the failure behind it. */
export function holdReason(down: Down): string {
  return `${down.reason}: ${down.failure.errorClass}`;
}

/**
 * A destination that was down goes on being probed at the pace that the last slice had come to. One that said when to
 * come back is left alone until then, whoever takes its lane before.
 */
function healthOf({ state, stateReason, holdMs, heldForMs, wakeInMs }: TakenLane, now: number): Health {
  if (state !== 'held' || holdMs === null || stateReason === null) return healthy;
  const [reason, errorClass] = stateReason.split(': ') as [Down['reason'], string];
  const failure = { errorClass, message: 'The destination was down when the last slice ended.' };
  const closedForMs = reason === 'throttled' ? (wakeInMs ?? 0) : 0;
  return stillDown({ reason, waitMs: holdMs }, failure, now, { downForMs: heldForMs ?? 0, closedForMs });
}

/** What a lane may send before its replay's canary has passed; null: all. */
export function canaryOf(
  { canary, lane, lanes }: TakenLane,
  read: Pick<Lane<ArchivedEvent>, 'standing'>,
): CanaryShare | null {
  return canary === null ? null : new CanaryShare({ events: canary.events, lane, lanes }, read);
}
