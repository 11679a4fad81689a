import type { ArchivedEvent } from '../core/event.ts';
import type { Task } from '../core/lane-types.ts';
import type { TakenLane } from '../db/lane-lease.ts';
import type { Delivery } from '../destinations/definition.ts';
import { deliveryName } from '../destinations/delivery-id.ts';

/** Tasks of a lane as a destination is handed them. @param events what goes out in place of their own; null: these */
export function deliveriesOf(
  { kind, runId, newIds, marker, destination }: TakenLane,
  batch: readonly Task<ArchivedEvent>[],
  events: ReadonlyMap<Task<ArchivedEvent>, ArchivedEvent> | null,
): Delivery[] {
  return batch.map((task) => ({
    name: deliveryName(destination.id, task.actionId, task.entry.position, newIds ? runId : undefined),
    event: events?.get(task) ?? task.entry.event!,
    actionId: task.actionId,
    newId: newIds,
    attempt: task.attempts + 1,
    replayId: kind === 'replay' ? runId : null,
    marker: marker ? runId : null,
  }));
}
