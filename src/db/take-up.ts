import type { Position } from '../core/event.ts';
import {
  isChosen,
  isMeant,
  readTakeUps,
  type DeadLetterChoice,
  type KeptTakeUp,
  type TakeUp,
  type TakeUps,
} from './dead-letter-holders.ts';
import { isLacking } from './dead-letter-state.ts';
import { sql, type Queryable } from './sql.ts';

/** So many letters are looked at by one statement: well below a second. */
const windowLetters = 2_000;

/**
 * Says what a replay of failures is to take up, before its row is written, in a transaction that holds the
 * destination's row: the chosen letters that are there now, but for those that a replay has in its hands.
 */
export async function newTakeUp(
  tx: Queryable,
  destinationId: string,
  choice: DeadLetterChoice,
): Promise<KeptTakeUp> {
  const [now] = await tx.rows<{ lastLetter: number; heldBy: string[] }>(sql`
    select (select last_value from dead_letter_number) as "lastLetter",
      array(select id from run where destination_id = ${destinationId} and kind = 'replay' and mode = 'failed'
        and ended_at is null) as "heldBy"`);
  return { choice, ...now! };
}

/**
 * Marks the dead letters that a replay takes up, which are what it selects, and counts their events: window after window
 * from where that stands, until all are marked or `goOn` says no. Two at once do no harm: each window is marked once.
 * Of what is meant it leaves what something else has delivered or tries again meanwhile. At the end the replay reaches
 * from the first of them to the last.
 * @returns whether all are marked; a replay that is over marks no more
 */
export async function takeUp(db: Queryable, replayId: string, goOn: () => boolean): Promise<boolean> {
  for (;;) {
    const takeUps = await readTakeUpsBeside(db, replayId);
    const mine = takeUps.get(replayId);
    if (mine === undefined) return true;
    if (mine.over || !goOn()) return false;
    const next = await endOfWindow(db, mine);
    await (next === null ? endTakeUp(db, mine) : markUpTo(db, mine, next, takeUps));
  }
}

async function readTakeUpsBeside(db: Queryable, replayId: string): Promise<TakeUps> {
  const [run] = await db.rows<{ destinationId: string }>(sql`
    select destination_id as "destinationId" from run where id = ${replayId} and take_up is not null`);
  return run === undefined ? new Map() : await readTakeUps(db, run.destinationId);
}

/** The position up to which the next letters lie, null when there are none. Reads an index by position, whatever is chosen. */
async function endOfWindow(
  db: Queryable,
  { destinationId, choice, markedTo, to }: TakeUp,
): Promise<Position | null> {
  const { errorClass: _, ...others } = choice;
  const indexed = choice.replayId === undefined ? choice : others;
  const [row] = await db.rows<{ last: Position | null }>(sql`
    select max(position) as last from (
      select d.position from dead_letter d
      where ${isChosen(destinationId, indexed)} and d.position > ${markedTo} and d.position <= ${to}
      order by d.position limit ${windowLetters}) as stretch`);
  return row!.last;
}

/** One statement: what it marks, what it counts and how far it is are true together, or not at all. */
async function markUpTo(db: Queryable, mine: TakeUp, upTo: Position, takeUps: TakeUps): Promise<void> {
  await db.run(sql`
    with replay as (${unmovedRow(mine)}),
    taken as (
      update dead_letter marked set retried_by = replay.id
      from replay, dead_letter d join event e on e.position = d.position
      where marked.id = d.id and d.position between ${mine.markedTo + 1} and ${upTo}
        and ${isMeant(mine, takeUps)} and ${isLacking(mine)}
      returning d.position
    )
    update run set selected = selected + (select count(distinct position) from taken), counted_to = ${upTo}
    from replay where run.id = replay.id`);
}

async function endTakeUp(db: Queryable, mine: TakeUp): Promise<void> {
  await db.run(sql`
    with replay as (${unmovedRow(mine)}),
    marked as (
      select coalesce(min(position), ${mine.from}) as first, coalesce(max(position), ${mine.from - 1}) as last
      from dead_letter where retried_by = ${mine.replayId}
    ),
    narrowed as (
      update run set take_up = null, from_position = marked.first, to_position = marked.last, counted_to = marked.last
      from replay, marked where run.id = replay.id returning run.id, from_position
    )
    update lane set mark = narrowed.from_position - 1 from narrowed where run_id = narrowed.id`);
}

/** The replay's row, locked, if it stands as it was read and is not over. */
function unmovedRow({ replayId, markedTo }: TakeUp) {
  return sql`
    select id from run where id = ${replayId} and take_up is not null and counted_to = ${markedTo}
      and ended_at is null and desired <> 'cancelled' for no key update`;
}

/** The actions of dead letters that a replay has marked so far. Uses dead_letter_retried_by. */
export async function actionsTakenUp(db: Queryable, replayId: string): Promise<readonly string[]> {
  const rows = await db.rows<{ id: string }>(
    sql`select distinct action_id as id from dead_letter where retried_by = ${replayId}`,
  );
  return rows.map(({ id }) => id);
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
