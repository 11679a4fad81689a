import type { Position } from '../core/event.ts';
import { endRunIfDue, lockRun } from './run-end.ts';
import { sql, type Queryable } from './sql.ts';

/** What asking to give up ended in. */
export type AskGiveUp = 'asked' | 'planned' | 'ended' | 'no_run';

/**
 * Wishes that a run gives up on deliveries that have failed and wait. Without a holder that happens here and now, else as
 * soon as every lane is let go. @param positions of their events; null: all
 */
export async function askGiveUp(
  tx: Queryable,
  runId: string,
  positions: readonly Position[] | null,
): Promise<AskGiveUp> {
  await lockRun(tx, runId);
  const wish = JSON.stringify(positions);
  const asked = await tx.run(sql`
    update run set revision = revision + 1, gave_up = case when give_up is not null then gave_up end,
      give_up = jsonb_build_object('positions', case
        when give_up is null then ${wish}::jsonb
        when jsonb_typeof(give_up -> 'positions') = 'null' or ${wish} = 'null' then 'null'::jsonb
        else (give_up -> 'positions') || ${wish}::jsonb end)
    where id = ${runId} and ended_at is null and desired not in ('cancelled', 'planned')`);
  if (asked > 0) {
    await endRunIfDue(tx, runId);
    return 'asked';
  }
  const [run] = await tx.rows<{ planned: boolean }>(
    sql`select desired = 'planned' and ended_at is null as planned from run where id = ${runId}`,
  );
  return run === undefined ? 'no_run' : run.planned ? 'planned' : 'ended';
}

/** How many deliveries the last wish of a run came to; null: it is not obeyed yet. */
export async function gaveUp(db: Queryable, runId: string): Promise<number | null> {
  const [row] = await db.rows<{ pending: boolean; deliveries: number | null }>(sql`
    select give_up is not null and ended_at is null as pending, (gave_up ->> 'deliveries')::integer as deliveries
    from run where id = ${runId}`);
  return row === undefined || row.pending ? null : (row.deliveries ?? 0);
}
