import { chunkPositions } from '../core/coverage.ts';
import { sql, type Statement } from './sql.ts';

// Conditions on table `dead_letter`, aliased `d`.

/** A moment by what there was: what came later is left out of account. */
export interface Moment {
  /** The number of the last dead letter. */
  readonly lastLetter: number;
  /** The number of the last run. */
  readonly lastRun: number;
}

/**
 * Whether the action has got the event after all: another run has set its bit. That it had the event before a replay of
 * mode `all` sent it once more does not count for a dead letter of that replay, nor of one that retried it. Uses
 * coverage's primary key.
 * @param except the number of a run whose own bits are left out
 * @param lastRun an account that is newer than this run makes nothing missing
 */
export function settledSince({ except, lastRun }: { except?: number; lastRun?: number } = {}): Statement {
  return sql`exists (
    select 1 from coverage c join action a on a.id = c.action_id join run died on died.id = d.run_id
    where c.action_id = d.action_id and c.chunk = d.position / ${chunkPositions}
      and get_bit(c.bits, (d.position % ${chunkPositions})::integer) = 1
      and (c.run >= a.epoch or a.epoch > ${lastRun ?? null}::bigint) and (died.mode = 'missing' or c.run > died.number)
      and c.run is distinct from ${except ?? null})`;
}

/** Whether a dead letter was there at a moment; those of before they had numbers always were. */
export function wasThere({ lastLetter }: Pick<Moment, 'lastLetter'>): Statement {
  return sql`coalesce(d.number <= ${lastLetter}, true)`;
}

/**
 * Whether the action lacks what a dead letter was to bring, and should have it: the event, joined as `e`, is still there
 * and meant for the destination, it does not wait for its next try, and the letter is the last of its delivery's.
 * @param then disregards what died, and which account was new, after a moment
 */
export function isLacking(then?: Moment): Statement {
  return sql`(
    e.position is not null
    and not exists (
      select 1 from dead_letter n where n.destination_id = d.destination_id and n.position = d.position
        and n.action_id = d.action_id and (n.died_at, n.id) > (d.died_at, d.id)
        and coalesce(n.number <= ${then?.lastLetter ?? null}::bigint, true))
    and exists (
      select 1 from action a join destination t on t.id = a.destination_id
      where a.id = d.action_id and a.deleted_at is null and t.deleted_at is null and (t.sources is null or e.source_id = any(t.sources)))
    and not exists (
      select 1 from run holder join waiting_delivery w on w.run_id = holder.id
      where holder.destination_id = d.destination_id and holder.ended_at is null
        and w.position = d.position and w.action_id = d.action_id)
    and not ${settledSince(then)})`;
}
