import { isOwnRefusal } from '../../../src/core/brakes.ts';
import { CanaryShare } from '../../../src/core/canary.ts';
import { healthy, stillDown, withStreaks, type Health } from '../../../src/core/health.ts';
import { Lane } from '../../../src/core/lane.ts';
import type { Held, SimTaken } from './database.ts';
import type { SimEvent } from './scenario.ts';
import type { World } from './world.ts';

/** The decisions of a lane as its last holder left them. @param now on the slice's clock */
export function laneOf(world: World, taken: SimTaken, now: number): Lane<SimEvent> {
  const { orderBy, actions, batchSize, windowLimit } = world.scenario;
  const waitingByKey = new Map<string, number>();
  for (const { orderKey } of world.db.rows.values())
    waitingByKey.set(orderKey, (waitingByKey.get(orderKey) ?? 0) + 1);
  const random = () => world.random.next();
  const isOwn = (errorClass: string) => isOwnRefusal(taken.brakesReleased, errorClass);
  const { progress } = taken;
  return new Lane<SimEvent>(
    { ...progress, orderBy, actions, batchSize, windowLimit, waitingByKey, random, isOwnRefusal: isOwn },
    withStreaks(healthOf(taken, now), taken.streaks, (position) => world.byPosition.get(position)?.user),
  );
}

/** What a lane may send before its run's canary has passed; null: all. */
export function canaryOf(
  { scenario }: World,
  { canaryPassed }: SimTaken,
  read: Lane<SimEvent>,
): CanaryShare | null {
  if (scenario.canary === null || scenario.to === null || canaryPassed) return null;
  return new CanaryShare({ events: scenario.canary.events, lane: 0, lanes: 1 }, read);
}

/** A destination that said when to come back is left alone until then, whoever takes its lane before. */
function healthOf({ held, heldForMs, wakeInMs }: SimTaken, now: number): Health {
  if (held === null) return healthy;
  const failure = { errorClass: held.errorClass, message: held.errorClass };
  const closedForMs = held.reason === 'throttled' ? wakeInMs : 0;
  const { reason, waitMs } = held;
  return stillDown({ reason, waitMs }, failure, now, { downForMs: heldForMs, closedForMs });
}

/** Why a lane's destination is down, as it is written into the lane's row; null: it is not. @param now on the slice's clock */
export function heldOf({ health: { down } }: Lane<SimEvent>, now: number): Held | null {
  if (down === null) return null;
  const { reason, failure, waitMs, since } = down;
  return { reason, errorClass: failure.errorClass, waitMs: Math.round(waitMs), heldForMs: now - since };
}
