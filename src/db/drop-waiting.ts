import { filtersOf, verdictOf } from '../core/event-filters.ts';
import type { Selection } from '../core/selection.ts';
import { eventColumns, toArchivedEvent, type EventRow } from './archive/read.ts';
import { selectionSql } from './archive/selection-sql.ts';
import { sql, type Queryable, type Statement } from './sql.ts';

const eventsAtOnce = 500;

/**
 * Drops the waiting rows of a run whose events a selection does not take, or the destination's filter in it: they set no
 * bit, so they are missing. What stood behind them goes on.
 * @param others a condition on rows `w` that are to go as well
 */
export async function dropUnselected(
  tx: Queryable,
  runId: string,
  selection: Selection,
  others: Statement = sql`false`,
): Promise<void> {
  await tx.run(sql`
    delete from waiting_delivery w where w.run_id = ${runId} and (${others}
      or exists (select 1 from event e where e.position = w.position and not (${selectionSql(selection)})))`);
  await dropFiltered(tx, runId, selection);
  await callFirstWaiting(tx, runId);
}

/**
 * Makes the first event of each order key due where what it stood behind is gone: without a time of its own nobody would
 * take it up.
 */
export async function callFirstWaiting(tx: Queryable, runId: string): Promise<void> {
  await tx.run(sql`
    update waiting_delivery w set due_at = clock_timestamp()
    from (
      select order_key, min(position) as position from waiting_delivery where run_id = ${runId} group by order_key
    ) first
    where w.run_id = ${runId} and w.order_key = first.order_key and w.position = first.position and w.due_at is null
      and not exists (select 1 from waiting_delivery other
        where other.run_id = ${runId} and other.position = first.position and other.due_at is not null)`);
}

/** Of what only the events themselves tell; those of a deleted person stay, and count as suppressed when they are due. */
async function dropFiltered(tx: Queryable, runId: string, selection: Selection): Promise<void> {
  const filters = filtersOf(selection, {});
  for (let after = filters === null ? null : 0; after !== null;) {
    const rows = await tx.rows<EventRow & Record<string, unknown>>(sql`
      select ${eventColumns} from event e
      where e.position > ${after}
        and e.position in (select w.position from waiting_delivery w where w.run_id = ${runId} and w.position > ${after})
      order by e.position limit ${eventsAtOnce}`);
    const events = rows.map(toArchivedEvent);
    const dropped = events.filter((event) => {
      const { selected, passes } = verdictOf(event, filters!);
      return !selected || !passes;
    });
    await tx.run(sql`
      delete from waiting_delivery
      where run_id = ${runId} and position = any(${dropped.map(({ position }) => position)}::bigint[])`);
    after = events.length < eventsAtOnce ? null : events.at(-1)!.position;
  }
}
