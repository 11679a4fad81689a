import { orderKeyOf, type ArchivedEvent } from '../core/event.ts';
import type { Bucket } from '../core/counts.ts';
import type { Due } from '../core/lane-types.ts';
import { eventColumns, toArchivedEvent, type EventRow } from './archive/read.ts';
import type { TakenLane } from './lane-lease.ts';
import { sql, type Queryable } from './sql.ts';

const keysPerRead = 200;
const eventsPerKey = 100;

interface Row extends EventRow {
  orderKey: string;
  actionId: string;
  attempts: number;
  rounds: number;
  ageMs: number | null;
  errorClass: string | null;
  rest: Bucket | null;
  isDue: boolean;
}

/**
 * The waiting deliveries of a lane whose time has come, each with what stands behind it in its order key; an event's
 * always all together. Uses waiting_delivery_due.
 */
export async function readDue(db: Queryable, lane: TakenLane): Promise<Due<ArchivedEvent>[]> {
  const rows = await db.rows<Row>(sql`
    with heads as (
      select order_key from waiting_delivery
      where run_id = ${lane.runId} and lane = ${lane.lane} and due_at <= clock_timestamp()
      group by order_key order by min(due_at) limit ${keysPerRead}
    ), ranked as (
      select w.*, dense_rank() over (partition by w.order_key order by w.position) as place
      from waiting_delivery w join heads using (order_key)
      where w.run_id = ${lane.runId} and w.lane = ${lane.lane}
    )
    select w.order_key as "orderKey", w.action_id as "actionId", w.attempts, w.rounds, w.rest,
      extract(epoch from clock_timestamp() - w.first_failed_at)::float8 * 1000 as "ageMs", w.failure ->> 'errorClass' as "errorClass",
      coalesce(w.due_at <= clock_timestamp(), true) as "isDue", ${eventColumns}
    from ranked w join event e on e.position = w.position
    where w.place <= ${eventsPerKey}
    order by w.order_key, w.position, w.due_at`);
  return group(rows);
}

/** How long until the next waiting delivery of a lane comes due; milliseconds, null when none waits. */
export async function nextDueInMs(db: Queryable, lane: TakenLane): Promise<number | null> {
  const [row] = await db.rows<{ inMs: number | null }>(sql`
    select greatest(0, extract(epoch from min(due_at) - clock_timestamp())::float8 * 1000) as "inMs"
    from waiting_delivery where run_id = ${lane.runId} and lane = ${lane.lane}`);
  return row?.inMs ?? null;
}

function group(rows: readonly Row[]): Due<ArchivedEvent>[] {
  const dues: (Due<ArchivedEvent> & { deliveries: Due<ArchivedEvent>['deliveries'][number][] })[] = [];
  const notYet = new Set<string>();
  for (const row of rows) {
    const event = toArchivedEvent(row);
    const last = dues.at(-1);
    const sameEvent =
      last !== undefined && last.position === event.position && last.orderKey === row.orderKey;
    const firstOfKey = last?.orderKey !== row.orderKey;
    // The first delivery due of a key's first event decides: what follows is taken along, but nothing overtakes it.
    if (firstOfKey && !row.isDue && !sameEvent) notYet.add(row.orderKey);
    if (notYet.has(row.orderKey)) continue;
    const { actionId, attempts, rounds, ageMs, errorClass } = row;
    const delivery = { actionId, attempts, rounds, ageMs, errorClass };
    if (sameEvent) last.deliveries.push(delivery);
    else {
      const { position } = event;
      const { orderKey, rest } = row;
      dues.push({ position, orderKey, user: orderKeyOf(event), event, rest, deliveries: [delivery] });
    }
  }
  return dues;
}
