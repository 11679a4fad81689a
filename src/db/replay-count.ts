import type { Selection } from '../core/selection.ts';
import { countSelected } from './archive/read.ts';
import { sql, type Queryable } from './sql.ts';
import { takeUp } from './take-up.ts';

const windowPositions = 500_000;

interface Counting {
  readonly countedTo: number;
  readonly toPosition: number;
  readonly selection: Selection;
  readonly revision: number;
}

/**
 * Counts what a replay selects, window after window from where the count stands, until it is complete or `goOn` says
 * no. Two counters at once do no harm: each window is added only once, and none that was counted before the replay was
 * changed. Of a replay of failures the dead letters are marked first, which counts them.
 * @returns whether `selected` is now exact
 */
export async function countReplay(db: Queryable, replayId: string, goOn: () => boolean): Promise<boolean> {
  if (!(await takeUp(db, replayId, goOn))) return false;
  for (;;) {
    const [run] = await db.rows<Counting & Record<string, unknown>>(sql`
      select counted_to as "countedTo", to_position as "toPosition", selection, revision from run where id = ${replayId}`);
    if (run === undefined || run.countedTo >= run.toPosition) return true;
    if (!goOn()) return false;
    const upTo = Math.min(run.toPosition, run.countedTo + windowPositions);
    const count = await countSelected(db, { after: run.countedTo, upTo, selection: run.selection });
    await db.run(sql`
      update run set selected = selected + ${count}, counted_to = ${upTo}
      where id = ${replayId} and counted_to = ${run.countedTo} and revision = ${run.revision}`);
  }
}
