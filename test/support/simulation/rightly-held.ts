import { keyOf } from './delivery-key.ts';
import type { Scenario, SimEvent } from './scenario.ts';
import type { World } from './world.ts';

const longEnoughMs = 10 * 60_000;

/**
 * In calm weather a lane stays held only when all that is left, and can be seen, is refused as a streak, or stands
 * behind such or behind what fails for ever.
 */
export function isRightlyHeld({ agenda, scenario, db, witness }: World): boolean {
  if (agenda.now < scenario.calmAt + longEnoughMs) return false;
  // A person has said that it is to go on all the same.
  if (db.run.brakesReleased.includes('destination_refuses: http_400')) return false;
  const stuck = new Set<string>();
  const poison = new Set<number>();
  const users = new Set<string>();
  let hidden = false;
  for (const event of scenario.events) {
    if (event.position > db.run.to) break;
    const key = orderKeyOf(scenario, event);
    for (const action of scenario.actions) {
      const trait = event.traits[action]!;
      const delivery = keyOf(event.position, action);
      if (db.dead.has(delivery) || witness.succeeded(delivery) || witness.isSuppressed(delivery)) continue;
      if (['untriggered', 'elsewhere', 'unasked', 'malformed'].includes(trait)) continue;
      if (trait === 'had' && scenario.mode !== 'all') continue;
      if (trait === 'poison') {
        poison.add(event.position);
        users.add(event.user);
      }
      if (trait === 'poison' || trait === 'broken') stuck.add(key);
      else if (!stuck.has(key)) hidden = true;
    }
  }
  const { windowLimit, unsentLimit, pageSize } = scenario;
  const canary = scenario.canary !== null && !db.run.canaryPassed;
  const narrow = canary || windowLimit < 1_000 || unsentLimit < 1_000 || pageSize < 10;
  if (hidden && !narrow) return false;
  // After a streak of refusals a single refused event is not told from a destination that goes on refusing.
  const streak = db.lane.held?.reason === 'destination_refuses';
  return (streak && poison.size > 0) || (poison.size >= 5 && users.size >= 2);
}

function orderKeyOf({ orderBy }: Scenario, event: SimEvent): string {
  if (orderBy === 'none') return String(event.position);
  return orderBy === 'user' ? event.user : '*';
}
