import type { Position } from '../core/event.ts';
import type { Selection } from '../core/selection.ts';
import { selectionSql } from './archive/selection-sql.ts';
import { isLacking, wasThere, type Moment } from './dead-letter-state.ts';
import { join, sql, type Queryable, type Statement } from './sql.ts';

/** Which of a destination's dead letters are to be retried; an absent member limits nothing. */
export interface DeadLetterChoice {
  readonly errorClass?: string;
  /** The replay that they died in. */
  readonly replayId?: string;
  readonly ids?: readonly string[];
}

/** What the row of a replay keeps until it has marked all that it takes up. */
export interface KeptTakeUp extends Pick<Moment, 'lastLetter'> {
  readonly choice: DeadLetterChoice;
  /** Replays that were not over when this one was asked for: what they had in their hands is not meant. */
  readonly heldBy: readonly string[];
}

/** What a replay takes up and has not marked yet, at least not all of it. */
export interface TakeUp extends KeptTakeUp, Moment {
  readonly replayId: string;
  readonly destinationId: string;
  /** The positions that the replay may reach, both inclusive. */
  readonly from: Position;
  readonly to: Position;
  readonly selection: Selection;
  /** Up to where it has marked. */
  readonly markedTo: Position;
  /** It was cancelled or has ended: it marks no more. */
  readonly over: boolean;
  readonly ended: boolean;
}

/** Take-ups by their replay: those that go on, and the few that were broken off. */
export type TakeUps = ReadonlyMap<string, TakeUp>;

/** Reads what has not been marked yet, of one destination or of all. Uses run_take_up. */
export async function readTakeUps(db: Queryable, destinationId: string | null): Promise<TakeUps> {
  const rows = await db.rows<Omit<TakeUp, keyof KeptTakeUp> & { takeUp: KeptTakeUp }>(sql`
    select r.id as "replayId", r.destination_id as "destinationId", r.number as "lastRun", r.from_position as "from",
      r.to_position as "to", r.selection - 'retriedBy' as selection, r.counted_to as "markedTo",
      r.ended_at is not null or r.desired = 'cancelled' as over, r.ended_at is not null as ended,
      r.take_up as "takeUp"
    from run r where r.take_up is not null and (${destinationId}::uuid is null or r.destination_id = ${destinationId})`);
  return new Map(rows.map(({ takeUp, ...row }) => [row.replayId, { ...row, ...takeUp }]));
}

/**
 * Whether there is something to do about a dead letter: the action lacks the event, and no replay that is not over has
 * the letter in its hands.
 */
export function isOpen(takeUps: TakeUps): Statement {
  const open = [...takeUps.values()].filter(({ ended }) => !ended);
  const free = open.map((takeUp) => sql`and not ${isMeant(takeUp, takeUps)}`);
  return sql`(
    ${isLacking()}
    and not exists (select 1 from run taker where taker.id = d.retried_by and taker.ended_at is null)
    ${join([sql``, ...free], sql` `)})`;
}

/**
 * Whether a replay was asked to take a dead letter up: it was there, nobody else had it in his hands, and it is chosen
 * and selected. A later replay has taken only what this one had not. What is left of them when they are marked is for
 * `isLacking` to say.
 */
export function isMeant(takeUp: TakeUp, takeUps: TakeUps): Statement {
  const { destinationId, choice, from, to, selection, heldBy, lastRun } = takeUp;
  const unmarked = heldBy.flatMap((replayId) => takeUps.get(replayId) ?? []);
  const conditions = [
    isChosen(destinationId, choice),
    wasThere(takeUp),
    sql`d.position between ${from} and ${to}`,
    sql`not exists (select 1 from run taker where taker.id = d.retried_by
      and (taker.id = any(${[...heldBy]}::uuid[]) or taker.number > ${lastRun}))`,
    ...unmarked.map((earlier) => sql`not ${isMeant(earlier, takeUps)}`),
    selectionSql(selection),
  ];
  return sql`(${join(conditions, sql` and `)})`;
}

/** Whether a dead letter is of a choice, in which a replay is one of the destination's. */
export function isChosen(destinationId: string, { errorClass, replayId, ids }: DeadLetterChoice): Statement {
  // One of the two: both together tempt the planner to read an index of all the destination's letters beside.
  const conditions = [
    replayId === undefined ? sql`d.destination_id = ${destinationId}` : sql`d.run_id = ${replayId}`,
  ];
  if (errorClass !== undefined) conditions.push(sql`d.error_class = ${errorClass}`);
  if (ids !== undefined) conditions.push(sql`d.id = any(${[...ids]}::uuid[])`);
  return join(conditions, sql` and `);
}
