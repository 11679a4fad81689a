import { chunkPositions } from '../core/coverage.ts';
import { orderKeyOf, type ArchivedEvent, type Position } from '../core/event.ts';
import type { Selection } from '../core/selection.ts';
import { eventColumns, toArchivedEvent, type EventRow } from './archive/read.ts';
import { selectionSql } from './archive/selection-sql.ts';
import type { TakenLane } from './lane-lease.ts';
import { streamMark } from './replay-reach.ts';
import { sql, type Queryable, type Statement } from './sql.ts';

/** So many positions are listed by one statement. */
const stretch = 50_000;

/** What stands for a user in the lists. @param key its order key */
export const personOf = (key: string | Statement) => sql`hashtextextended(${key}, 0)`;
/** The order key of an event `e`, as `orderKeyOf` makes it; only of one that has a user. */
const orderKey = sql`case when e.user_id is not null then 'u:' || e.user_id else 'a:' || e.anonymous_id end`;

/** Up to where the identify calls of a lane's users are listed; before the first call: nothing is. */
export async function listedTo(db: Queryable, lane: TakenLane): Promise<Position> {
  const [row] = await db.rows<{ listedTo: Position }>(sql`
    select listed_to as "listedTo" from replay_identify_reach where run_id = ${lane.runId} and lane = ${lane.lane}`);
  return row?.listedTo ?? lane.fromPosition - 1;
}

/**
 * Lists what follows `after`, one stretch of positions, no further than `upTo`, which is not above the head. Somebody
 * else may have done so: then nothing happens, and how far he came tells `listedTo`.
 */
export async function listIdentifies(
  db: Queryable,
  lane: TakenLane,
  after: Position,
  upTo: Position,
): Promise<void> {
  const end = Math.min(upTo, after + stretch);
  await db.run(sql`
    with mine as (
      insert into replay_identify_reach as reach (run_id, lane, listed_to) values (${lane.runId}, ${lane.lane}, ${end})
      on conflict (run_id, lane) do update set listed_to = excluded.listed_to where reach.listed_to = ${after}
      returning 1
    )
    insert into replay_identify (run_id, person, position)
    select ${lane.runId}, ${personOf(orderKey)}, e.position from event e, mine
    where e.position > ${after} and e.position <= ${end} and e.type = 'identify'
      and e.bucket between ${lane.bucketFrom} and ${lane.bucketTo} and coalesce(e.user_id, e.anonymous_id) is not null`);
}

/** Forgets the lists of a run. */
export async function dropIdentifies(tx: Queryable, runId: string): Promise<void> {
  await tx.run(sql`delete from replay_identify where run_id = ${runId}`);
  await tx.run(sql`delete from replay_identify_reach where run_id = ${runId}`);
}

/** Whether the user of an event has identify calls above and below its position. */
export interface Surroundings {
  readonly newer: boolean;
  readonly older: boolean;
}

/** The surroundings of events, by position; of those alone there are none. Uses replay_identify's primary key. */
export async function surroundingsOf(
  db: Queryable,
  runId: string,
  events: readonly ArchivedEvent[],
): Promise<Map<Position, Surroundings>> {
  const beside = (side: Statement) => sql`exists (select 1 from replay_identify i
    where i.run_id = ${runId} and i.person = ${personOf(sql`asked.order_key`)} and i.position ${side} asked.position)`;
  const rows = await db.rows<Surroundings & { position: Position }>(sql`
    select * from (
      select asked.position, ${beside(sql`>`)} as newer, ${beside(sql`<`)} as older
      from unnest(${events.map(({ position }) => position)}::bigint[], ${events.map(orderKeyOf)}::text[])
        as asked (position, order_key)) found
    where newer or older`);
  return new Map(rows.map(({ position, newer, older }) => [position, { newer, older }]));
}

/** Of each of these users the last identify call up to a position. Uses replay_identify's primary key. */
export async function lastIdentifies(
  db: Queryable,
  runId: string,
  users: readonly string[],
  upTo: Position,
): Promise<ArchivedEvent[]> {
  const rows = await db.rows<EventRow & { user: string }>(sql`
    select asked.order_key as "user", ${eventColumns} from unnest(${[...users]}::text[]) as asked (order_key)
    cross join lateral (select position from replay_identify i where i.run_id = ${runId}
      and i.person = ${personOf(sql`asked.order_key`)} and i.position <= ${upTo}
      order by position desc limit 1) last
    join event e on e.position = last.position`);
  return rows
    .map((row) => ({ user: row.user, event: toArchivedEvent(row) }))
    .filter(({ user, event }) => isOf(user, event))
    .map(({ event }) => event);
}

/** A stretch of a user's identify calls, above and below which positions; both exclusive. */
export interface Stretch {
  readonly above: Position;
  readonly below: Position;
}

/** The newest of a user's identify calls in a stretch, newest first; those of users with the same hash are left out. */
export async function newestIdentifies(
  db: Queryable,
  runId: string,
  user: string,
  { above, below }: Stretch,
  limit: number,
): Promise<{ events: ArchivedEvent[]; last: Position | null }> {
  const rows = await db.rows<EventRow & { listed: Position }>(sql`
    select i.position as listed, ${eventColumns}
    from (select position from replay_identify where run_id = ${runId} and person = ${personOf(user)}
      and position > ${above} and position < ${below} order by position desc limit ${limit}) i
    left join event e on e.position = i.position
    order by i.position desc`);
  const events = rows
    .filter(({ raw }) => raw !== null) // what was dropped has no row
    .map((row) => toArchivedEvent(row));
  return {
    events: events.filter((event) => isOf(user, event)),
    last: rows.length < limit ? null : rows.at(-1)!.listed,
  };
}

/** Its text is there, which that of a deleted one is not, and it is this user's, not that of one with the same hash. */
function isOf(user: string, event: ArchivedEvent): boolean {
  return event.raw.length > 0 && orderKeyOf(event) === user;
}

/** Of these positions those that a selection takes by columns. */
export async function selectedOf(
  db: Queryable,
  positions: readonly Position[],
  selection: Selection,
): Promise<Set<Position>> {
  const rows = await db.rows<{ position: Position }>(sql`
    select e.position from event e
    where e.position = any(${[...positions]}::bigint[]) and ${selectionSql(selection)}`);
  return new Set(rows.map(({ position }) => position));
}

/** How an action of a destination stands with an event, whatever run has brought it there. */
export interface Standing {
  /** Numbers of the runs that have set its bit since the action's epoch. */
  readonly runs: readonly number[];
  /** It waits for its next try in another run. */
  readonly waits: boolean;
  /** It lies above the mark of the destination's stream, which brings it if it was sent in live. */
  readonly ahead: boolean;
}

/** In one snapshot: a stream's mark and the bits below it are written together. */
export async function standingsOf(
  db: Queryable,
  lane: TakenLane,
  actionId: string,
  positions: readonly Position[],
): Promise<Map<Position, Standing>> {
  const rows = await db.rows<Standing & { position: Position }>(sql`
    select p.position,
      array(select c.run::float8 from coverage c where c.action_id = ${actionId} and c.chunk = p.position / ${chunkPositions}
        and get_bit(c.bits, (p.position % ${chunkPositions})::integer) = 1
        and c.run >= (select epoch from action where id = ${actionId})) as runs,
      exists (select 1 from waiting_delivery w join run r on r.id = w.run_id
        where r.destination_id = ${lane.destination.id} and r.ended_at is null and r.id <> ${lane.runId}
          and w.position = p.position and w.action_id = ${actionId}) as waits,
      coalesce(p.position > ${streamMark(lane.destination.id)}, false) as ahead
    from unnest(${[...positions]}::bigint[]) as p (position)`);
  return new Map(rows.map(({ position, ...standing }) => [position, standing]));
}

/** Replays that sent newest profiles by the same version of an action, and what each of them took. */
export async function latestProfileRuns(
  db: Queryable,
  runs: readonly number[],
  action: { readonly actionId: string; readonly version: number },
): Promise<{ from: Position; to: Position; selection: Selection }[]> {
  return await db.rows<{ from: Position; to: Position; selection: Selection }>(sql`
    select from_position as "from", to_position as "to", selection from run
    where number = any(${[...runs]}::bigint[]) and request ->> 'profiles' = 'latest'
      and actions @> ${JSON.stringify([action])}::jsonb`);
}
