import type { Selection } from '../core/selection.ts';
import { selectionSql } from './archive/selection-sql.ts';
import { sql, type Queryable, type Statement } from './sql.ts';

/**
 * Drops the waiting rows of a run whose events a selection does not take: they set no bit, so they are missing. What
 * stood behind them goes on.
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
