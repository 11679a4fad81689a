import type { Position } from '../core/event.ts';
import type { Selection } from '../core/selection.ts';
import { selectionSql } from './archive/selection-sql.ts';
import { isOpen } from './dead-letter-state.ts';
import { join, sql, type Queryable, type Statement } from './sql.ts';

/** Which of a destination's dead letters are to be retried; an absent member limits nothing. */
export interface DeadLetterChoice {
  readonly errorClass?: string;
  /** The replay that they died in. */
  readonly replayId?: string;
  readonly ids?: readonly string[];
}

/**
 * Marks the open dead letters that a replay takes up, in the transaction that creates it: they are what it selects.
 * @param within the positions that the replay may reach, both inclusive
 * @returns how many they are, and the positions that they span
 */
export async function takeUpDeadLetters(
  tx: Queryable,
  replay: {
    id: string;
    destinationId: string;
    within: { from: Position; to: Position };
    selection: Selection;
    choice: DeadLetterChoice;
  },
): Promise<{ count: number; from: Position | null; to: Position | null }> {
  const { within, selection, choice } = replay;
  const chosen = isChosen(replay.destinationId, choice);
  const [taken] = await tx.rows<{ count: number; from: Position | null; to: Position | null }>(sql`
    with taken as (
      update dead_letter marked set retried_by = ${replay.id}
      from dead_letter d join event e on e.position = d.position
      where marked.id = d.id and ${chosen} and d.position between ${within.from} and ${within.to}
        and ${selectionSql(selection)} and ${isOpen}
      returning d.position
    )
    select count(*) as count, min(position) as "from", max(position) as "to" from taken`);
  return taken!;
}

/** The replay that was the last one to take up a dead letter of a choice, null when none did. */
export async function lastTaker(
  db: Queryable,
  destinationId: string,
  choice: DeadLetterChoice,
): Promise<string | null> {
  const [taker] = await db.rows<{ id: string }>(sql`
    select r.id from dead_letter d join run r on r.id = d.retried_by
    where ${isChosen(destinationId, choice)} order by r.number desc limit 1`);
  return taker?.id ?? null;
}

/** The first of some ids that is no dead letter of a destination; null when all are. */
export async function strangerAmong(
  db: Queryable,
  destinationId: string,
  ids: readonly string[],
): Promise<string | null> {
  const [stranger] = await db.rows<{ id: string }>(sql`
    select asked.id from unnest(${[...ids]}::uuid[]) with ordinality as asked(id, place)
    where not exists (
      select 1 from dead_letter d where d.id = asked.id and d.destination_id = ${destinationId})
    order by asked.place limit 1`);
  return stranger?.id ?? null;
}

function isChosen(destinationId: string, { errorClass, replayId, ids }: DeadLetterChoice): Statement {
  const conditions = [sql`d.destination_id = ${destinationId}`];
  if (errorClass !== undefined) conditions.push(sql`d.error_class = ${errorClass}`);
  if (replayId !== undefined) conditions.push(sql`d.run_id = ${replayId}`);
  if (ids !== undefined) conditions.push(sql`d.id = any(${[...ids]}::uuid[])`);
  return join(conditions, sql` and `);
}
