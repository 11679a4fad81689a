import { chunkPositions } from '../core/coverage.ts';
import { sql, type Statement } from './sql.ts';

// Conditions on table `dead_letter`, aliased `d`.

/**
 * Whether the action has got the event after all: another run has set its bit. That it had the event before a replay of
 * mode `all` sent it once more does not count for a dead letter of that replay, nor of one that retried it. Uses
 * coverage's primary key.
 * @param except the number of a run whose own bits are left out
 */
export function settledSince(except?: number): Statement {
  return sql`exists (
    select 1 from coverage c join action a on a.id = c.action_id join run died on died.id = d.run_id
    where c.action_id = d.action_id and c.chunk = d.position / ${chunkPositions}
      and get_bit(c.bits, (d.position % ${chunkPositions})::integer) = 1
      and c.run >= a.epoch and (died.mode = 'missing' or c.run > died.number)
      and c.run is distinct from ${except ?? null})`;
}

/**
 * Whether there is something to do about a dead letter: the event, joined as `e`, is still there and meant for the
 * destination, the action lacks it, and nothing else will send it: neither a replay that took the letter up nor a
 * waiting row; and it is the last of its delivery's.
 */
export const isOpen = sql`(
  e.position is not null
  and not exists (
    select 1 from dead_letter n where n.destination_id = d.destination_id and n.position = d.position
      and n.action_id = d.action_id and (n.died_at, n.id) > (d.died_at, d.id))
  and not exists (select 1 from run taker where taker.id = d.retried_by and taker.ended_at is null)
  and exists (
    select 1 from action a join destination t on t.id = a.destination_id
    where a.id = d.action_id and a.deleted_at is null and t.deleted_at is null and (t.sources is null or e.source_id = any(t.sources)))
  and not exists (
    select 1 from run holder join waiting_delivery w on w.run_id = holder.id
    where holder.destination_id = d.destination_id and holder.ended_at is null
      and w.position = d.position and w.action_id = d.action_id)
  and not ${settledSince()})`;
