import { canaryVerdict } from '../core/canary.ts';
import { sumCounts } from '../core/counts.ts';
import type { Database } from './database.ts';
import { readRuns } from './runs.ts';
import { sql } from './sql.ts';

/**
 * Decides what follows the first events of a replay, once each of its lanes has sent its share: it goes on, or pauses
 * until a person has looked.
 * @returns whether it may go on now
 */
export async function settleCanary(db: Database, runId: string): Promise<boolean> {
  return await db.transaction(async (tx) => {
    await tx.rows(sql`select 1 from run where id = ${runId} for no key update`);
    const [run] = await readRuns(tx, sql`r.id = ${runId} and r.ended_at is null`);
    if (run === undefined || run.canary === null || run.canaryPassed || run.desired !== 'running')
      return false;
    if (!run.lanes.every(({ state }) => state === 'canary' || state === 'done')) return false;
    if (run.lanes.every(({ state }) => state === 'done')) return false; // nothing is left that could follow
    const good = canaryVerdict(sumCounts(run.lanes.map(({ counts }) => counts))) === 'good';
    if (good && run.canary.then === 'continue') {
      await tx.run(sql`update run set canary_passed = true, revision = revision + 1 where id = ${runId}`);
      return true;
    }
    await tx.run(sql`
      update run set desired = 'paused', status_reason = ${good ? 'canary' : 'canary_failed'},
        revision = revision + 1
      where id = ${runId}`);
    return false;
  });
}
