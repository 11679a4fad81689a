import type { Bits } from '../core/coverage.ts';
import { noCounts, type Counts } from '../core/counts.ts';
import type { EventType, Position } from '../core/event.ts';
import type { PinnedAction } from './runs.ts';
import { toJsonb } from './jsonb.ts';
import { sql, type Queryable } from './sql.ts';

// What a follower of deliveries reads: of what the engine's commits have written anyway, and nothing is locked.

/** Makes all that a transaction reads from here on one picture; it writes nothing and locks nothing. */
export async function oneSnapshot(tx: Queryable): Promise<void> {
  await tx.run(sql`set transaction isolation level repeatable read, read only`);
}

/** A lane of a run that is under way, or was when its follower looked last. */
export interface LiveLane {
  readonly runId: string;
  readonly runNumber: number;
  readonly kind: 'stream' | 'replay';
  readonly mode: 'missing' | 'all' | 'failed';
  readonly newIds: boolean;
  readonly destinationId: string;
  readonly actions: readonly PinnedAction[];
  readonly ended: boolean;
  /** Where the run begins. */
  readonly fromPosition: Position;
  readonly lane: number;
  readonly mark: Position;
  readonly readTo: Position;
  /** Up to the mark, and above it. */
  readonly counts: readonly [Counts, Counts];
  /** Postgres' time of this reading. */
  readonly now: Date;
}

type LaneRow = Omit<LiveLane, 'counts'> & { counts: Partial<Counts>; ahead: Partial<Counts> };

/** The number of the last run that there is; 0: there is none. */
export async function lastRunNumber(db: Queryable): Promise<number> {
  const [row] = await db.rows<{ number: number }>(sql`select coalesce(max(number), 0) as number from run`);
  return row?.number ?? 0;
}

/**
 * The lanes of all runs that are under way, of those that are newer than one (they may be over already), and of the named
 * ones. Uses the indexes of open runs and of their numbers.
 */
export async function liveLanes(
  db: Queryable,
  runs: readonly string[],
  newerThan: number,
): Promise<LiveLane[]> {
  const rows = await db.rows<LaneRow & { [column: string]: unknown }>(sql`
    with under_way as (
      select id from run where kind = 'stream' and ended_at is null
      union select id from run where kind = 'replay' and ended_at is null and desired <> 'planned'
      union select id from run where number > ${newerThan}
      union select id from unnest(${[...runs]}::uuid[]) as named (id)
    )
    select r.id as "runId", r.number as "runNumber", r.kind, r.mode, r.new_ids as "newIds",
      r.destination_id as "destinationId", r.actions, r.ended_at is not null as ended,
      r.from_position as "fromPosition", l.lane, l.mark,
      greatest(l.read_to, l.mark) as "readTo", l.counts, l.ahead, clock_timestamp() as now
    from under_way u join run r on r.id = u.id join lane l on l.run_id = r.id
    order by r.number, l.lane`);
  return rows.map(({ counts, ahead, ...lane }) => ({
    ...lane,
    counts: [
      { ...noCounts, ...counts },
      { ...noCounts, ...ahead },
    ],
  }));
}

/** Chunks, both inclusive, in which an action of a run may have got something. */
export interface ChunkSpan {
  readonly actionId: string;
  readonly run: number;
  readonly from: number;
  readonly to: number;
  /** Asks for the bits of other runs, too. */
  readonly others: boolean;
}

export interface ChunkNews {
  readonly actionId: string;
  readonly run: number;
  readonly chunk: number;
  readonly bits: Bits;
  /** Of other runs since the action's epoch; null: not asked, or there are none. */
  readonly others: Bits | null;
  readonly firstAt: Date;
}

/** Of one action no more chunks than this are looked at, the last ones. */
const chunksPerSpan = 16;

/** The chunks that were written since a moment. Uses coverage's primary key. */
export async function chunksSince(
  db: Queryable,
  spans: readonly ChunkSpan[],
  since: Date,
): Promise<ChunkNews[]> {
  if (spans.length === 0) return [];
  const rows = await db.rows<
    Omit<ChunkNews, 'bits' | 'others'> & { bits: Buffer; others: Buffer | null }
  >(sql`
    select c.action_id as "actionId", c.run, c.chunk, bit_send(c.bits) as bits, c.first_at as "firstAt",
      case when w.others then (
        select bit_send(bit_or(o.bits)) from coverage o
        where o.action_id = c.action_id and o.chunk = c.chunk and o.run <> c.run
          and o.run >= (select epoch from action where id = c.action_id)) end as others
    from jsonb_to_recordset(${toJsonb(spans)}::jsonb)
      as w("actionId" uuid, run bigint, "from" bigint, "to" bigint, others boolean)
    cross join lateral (
      select * from coverage has
      where has.action_id = w."actionId" and has.chunk between w."from" and w."to" and has.run = w.run
        and has.last_at > ${since}
      order by has.chunk desc limit ${chunksPerSpan}) c`);
  const bitsOf = (sent: Buffer) => sent.subarray(4); // on the wire a bit string begins with its length
  return rows.map(({ bits, others, ...row }) => ({
    ...row,
    bits: bitsOf(bits),
    others: others === null ? null : bitsOf(others),
  }));
}

export interface LiveWaiting {
  readonly runId: string;
  readonly position: Position;
  readonly actionId: string;
  readonly attempts: number;
  readonly rounds: number;
  readonly dueAt: Date | null;
  readonly errorClass: string | null;
  readonly message: string | null;
}

/** What waits in lanes, of each no more than so many. Uses waiting_delivery_due. */
export async function waitingIn(
  db: Queryable,
  lanes: readonly Pick<LiveLane, 'runId' | 'lane'>[],
  most: number,
): Promise<LiveWaiting[]> {
  if (lanes.length === 0) return [];
  return await db.rows<LiveWaiting & { [column: string]: unknown }>(sql`
    select w.run_id as "runId", w.position, w.action_id as "actionId", w.attempts, w.rounds, w.due_at as "dueAt",
      w.failure ->> 'errorClass' as "errorClass", w.failure ->> 'message' as message
    from unnest(${lanes.map(({ runId }) => runId)}::uuid[], ${lanes.map(({ lane }) => lane)}::smallint[]) as of (run_id, lane)
    cross join lateral (
      select * from waiting_delivery d where d.run_id = of.run_id and d.lane = of.lane
      order by d.due_at limit ${most}) w`);
}

export interface LiveDead {
  readonly id: string;
  readonly runId: string;
  readonly position: Position;
  readonly actionId: string;
  readonly attempts: number;
  readonly errorClass: string;
  readonly message: string;
  readonly diedAt: Date;
}

/** Who died since a moment, of each destination no more than so many, the last ones. Uses dead_letter_destination. */
export async function deadSince(
  db: Queryable,
  destinations: readonly string[],
  since: Date,
  most: number,
): Promise<LiveDead[]> {
  if (destinations.length === 0) return [];
  return await db.rows<LiveDead & { [column: string]: unknown }>(sql`
    select d.id, d.run_id as "runId", d.position, d.action_id as "actionId", d.attempts, d.error_class as "errorClass",
      coalesce(d.failure ->> 'message', '') as message, d.died_at as "diedAt"
    from unnest(${[...destinations]}::uuid[]) as of (destination_id)
    cross join lateral (
      select * from dead_letter l where l.destination_id = of.destination_id and l.died_at > ${since}
      order by l.died_at desc limit ${most}) d
    order by d.died_at, d.position`);
}

export interface NamedEvent {
  readonly position: Position;
  readonly messageId: string;
  readonly type: EventType;
  readonly name: string | null;
}

/** What the events at some positions are called; those that are gone are left out. */
export async function namesOf(
  db: Queryable,
  positions: readonly Position[],
): Promise<Map<Position, NamedEvent>> {
  if (positions.length === 0) return new Map();
  const rows = await db.rows<NamedEvent & { [column: string]: unknown }>(sql`
    select e.position, e.message_id as "messageId", e.type, e.name from event e
    where e.position = any(${[...positions]}::bigint[]) and e.message_id <> ''`);
  return new Map(rows.map((row) => [row.position, row]));
}
