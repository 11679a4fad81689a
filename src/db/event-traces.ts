import { chunkOf, chunkPositions } from '../core/coverage.ts';
import type { ArchivedEvent, Position } from '../core/event.ts';
import type { Failure } from '../core/outcome.ts';
import type { Selection } from '../core/selection.ts';
import { eventColumns, toArchivedEvent, type EventRow } from './archive/read.ts';
import { selectionSql } from './archive/selection-sql.ts';
import { join, sql, type Queryable } from './sql.ts';

/** The run that a trace is of. */
interface OfRun {
  readonly destinationId: string;
  readonly actionId: string;
  readonly runId: string;
  readonly runNumber: number;
  readonly kind: 'stream' | 'replay';
  readonly mode: 'missing' | 'all' | 'failed';
  readonly newIds: boolean;
  readonly actionVersion: number | null;
  /** Runs of a destination are told in this order. */
  readonly startedAt: Date;
}

/** A bit of an event: the run has settled it with the action, at some time between two. */
export interface BitTrace extends OfRun {
  readonly firstAt: Date;
  readonly lastAt: Date;
  readonly toFormerAccount: boolean;
  /** Numbers of the runs that had it before, since the action's epoch. */
  readonly before: readonly number[];
  /** How many runs have the bit; no more than `shownRuns` are told. */
  readonly of: number;
}

export interface WaitingTrace extends OfRun {
  readonly attempts: number;
  readonly rounds: number;
  readonly firstFailedAt: Date | null;
  /** Null: it stands behind an earlier event of its user. */
  readonly dueAt: Date | null;
  readonly failure: Failure | null;
}

export interface DeadTrace extends OfRun {
  readonly id: string;
  readonly attempts: number;
  readonly firstFailedAt: Date;
  readonly diedAt: Date;
  readonly failure: Failure;
  readonly retriedBy: string | null;
  readonly of: number;
}

/** Of the runs that have left the same kind of trace, so many of the first and so many of the last are told. */
const shownAtEnds = 10;
export const shownRuns = 2 * shownAtEnds;

const actionVersion = sql`(select (pinned ->> 'version')::integer from jsonb_array_elements(r.actions) pinned
  where pinned ->> 'actionId' = a.id::text)`;
const ofRun = sql`a.destination_id as "destinationId", a.id as "actionId", r.id as "runId", r.number as "runNumber", r.kind, r.mode,
  r.new_ids as "newIds", ${actionVersion} as "actionVersion", coalesce(r.started_at, r.created_at) as "startedAt"`;
const inTime = sql`coalesce(r.started_at, r.created_at), r.number`;
const atEnds = sql`(place <= ${shownAtEnds} or place > "of" - ${shownAtEnds})`;

/** Whose bits say that they have an event. Uses coverage's primary key, once for each action that there ever was. */
export async function bitsOfEvent(db: Queryable, position: Position): Promise<BitTrace[]> {
  const rows = await db.rows<BitTrace & { [column: string]: unknown }>(sql`
    select * from (
      select ${ofRun}, c.first_at as "firstAt", c.last_at as "lastAt", c.run < a.epoch as "toFormerAccount",
        row_number() over w as place, count(*) over (partition by a.id) as "of",
        coalesce(array_agg(c.run::float8) filter (where c.run >= a.epoch)
          over (w rows between unbounded preceding and 1 preceding), '{}') as before
      from action a join coverage c on c.action_id = a.id and c.chunk = ${chunkOf(position)}
      join run r on r.number = c.run
      where get_bit(c.bits, ${position % chunkPositions}) = 1
      window w as (partition by a.id order by ${inTime})
    ) bits where ${atEnds} order by "actionId", place`);
  return rows;
}

/** Where an event waits for its next try. Uses the indexes of open runs, and the primary key of what waits. */
export async function waitingOfEvent(db: Queryable, position: Position): Promise<WaitingTrace[]> {
  return await db.rows<WaitingTrace & { [column: string]: unknown }>(sql`
    select ${ofRun}, w.attempts, w.rounds, w.first_failed_at as "firstFailedAt", w.due_at as "dueAt", w.failure
    from (
      select * from run where kind = 'stream' and ended_at is null
      union all select * from run where kind = 'replay' and ended_at is null and desired <> 'planned'
    ) r
    join waiting_delivery w on w.run_id = r.id and w.position = ${position}
    join action a on a.id = w.action_id`);
}

/** Where an event was given up on. Uses dead_letter_position. */
export async function deadOfEvent(db: Queryable, position: Position): Promise<DeadTrace[]> {
  return await db.rows<DeadTrace & { [column: string]: unknown }>(sql`
    select * from (
      select ${ofRun}, l.id, l.attempts, l.first_failed_at as "firstFailedAt", l.died_at as "diedAt", l.failure,
        l.retried_by as "retriedBy",
        row_number() over (partition by a.id order by ${inTime}) as place, count(*) over (partition by a.id) as "of"
      from destination d join dead_letter l on l.destination_id = d.id and l.position = ${position}
      join action a on a.id = l.action_id join run r on r.id = l.run_id
    ) letters where ${atEnds} order by "actionId", place`);
}

/** An action with all that decides whether an event comes to it. */
export interface ActionFacts {
  readonly destinationId: string;
  readonly destinationName: string;
  readonly destinationType: string;
  readonly sources: readonly string[] | null;
  /** FQL; null takes every event. */
  readonly filter: string | null;
  readonly seam: Position | null;
  /** It, or its destination, was deleted. */
  readonly gone: boolean;
  readonly actionId: string;
  readonly actionName: string;
  readonly version: number;
  /** FQL; null takes every event. */
  readonly trigger: string | null;
  readonly stretch: {
    readonly toPosition: Position | null;
    readonly mark: Position;
    readonly paused: boolean;
    readonly held: boolean;
    readonly hasAction: boolean;
    readonly selection: Selection;
  } | null;
  /** The replay that runs, if the event lies in its range and above its mark. */
  readonly replay: { readonly runId: string; readonly selection: Selection } | null;
}

/**
 * The actions that there are, and of those that are gone the named ones: each with the stretch of its stream that a
 * position lies in (else the last one below it) and the replay that has yet to come there. Uses run_stretch and
 * run_one_running_replay.
 */
export async function actionsAt(
  db: Queryable,
  event: Pick<ArchivedEvent, 'position' | 'bucket'>,
  named: readonly string[],
): Promise<ActionFacts[]> {
  const lane = sql`${event.bucket} between l.bucket_from and l.bucket_to`;
  const next = (column: 'selection' | 'actions') =>
    column === 'selection'
      ? sql`case when s.ended_at is null then coalesce(s.change -> 'selection', s.selection) else s.selection end`
      : sql`case when s.ended_at is null then coalesce(s.change -> 'actions', s.actions) else s.actions end`;
  return await db.rows<ActionFacts & { [column: string]: unknown }>(sql`
    select d.id as "destinationId", d.name as "destinationName", d.type as "destinationType", d.sources, d.filter,
      nullif(d.seam, 0) as seam, d.deleted_at is not null or a.deleted_at is not null as gone,
      a.id as "actionId", a.name as "actionName", v.version, v.trigger, stretch.facts as stretch, replay.facts as replay
    from destination d join action a on a.destination_id = d.id
    join lateral (select version, trigger from action_version
      where action_id = a.id order by version desc limit 1) v on true
    left join lateral (
      select json_build_object('toPosition', coalesce(s.to_position,
          case when s.ended_at is not null or s.desired = 'cancelled' and s.change is null then l.mark end),
        'mark', l.mark, 'paused', s.desired = 'paused', 'held', l.state = 'held',
        'hasAction', ${next('actions')} @> jsonb_build_array(jsonb_build_object('actionId', a.id)),
        'selection', ${next('selection')}) as facts
      from run s join lane l on l.run_id = s.id and ${lane}
      where s.destination_id = d.id and s.kind = 'stream' and s.from_position <= ${event.position}
      order by s.from_position desc, s.number desc limit 1) stretch on true
    left join lateral (
      select json_build_object('runId', r.id, 'selection', r.selection) as facts
      from run r join lane l on l.run_id = r.id and ${lane}
      where r.destination_id = d.id and r.kind = 'replay' and r.ended_at is null and r.desired <> 'planned'
        and r.desired <> 'cancelled' and ${event.position} between r.from_position and r.to_position
        and l.mark < ${event.position}
        and r.actions @> jsonb_build_array(jsonb_build_object('actionId', a.id))) replay on true
    where d.deleted_at is null and a.deleted_at is null or a.id = any(${[...named]}::uuid[])
    order by d.created_at, d.id, a.created_at, a.id`);
}

/** Which of some selections take an event: one query, however many they are. @returns an answer for each */
export async function selectionsTaking(
  db: Queryable,
  position: Position,
  selections: readonly Selection[],
): Promise<boolean[]> {
  if (selections.length === 0) return [];
  const answers = join(
    selections.map((selection) => sql`(${selectionSql(selection)})`),
    sql`, `,
  );
  const [row] = await db.rows<{ answers: boolean[] }>(sql`
    select array[${answers}] as answers from event e where e.position = ${position}`);
  return row?.answers ?? selections.map(() => false);
}

/** An event as it is handed to a destination; null when there is none. */
export async function archivedEventAt(db: Queryable, position: Position): Promise<ArchivedEvent | null> {
  const [row] = await db.rows<EventRow & { [column: string]: unknown }>(
    sql`select ${eventColumns} from event e where e.position = ${position}`,
  );
  return row === undefined ? null : toArchivedEvent(row);
}
