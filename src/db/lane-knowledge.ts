import { chunkOf, type ChunkBits } from '../core/coverage.ts';
import { orderKeyOf, type ArchivedEvent, type Position } from '../core/event.ts';
import { settledSince } from './dead-letter-state.ts';
import type { TakenLane } from './lane-lease.ts';
import { sql, type Queryable, type Statement } from './sql.ts';

/** What a lane's run has left above its mark, and whose events wait. Read once, when the lane is taken. */
export interface LaneKnowledge {
  /** Bits that this run has set, by action. */
  readonly own: ReadonlyMap<string, ChunkBits>;
  /** Deliveries of this run that wait or died, by `position/action`. */
  readonly rows: ReadonlyMap<string, 'waiting' | 'dead'>;
  /** Waiting rows of the lane by order key. */
  readonly waitingByKey: ReadonlyMap<string, number>;
  /** Whose the events of the lane's streaks are; one that retention has taken is not there. */
  readonly userOf: ReadonlyMap<Position, string>;
}

/** What other runs of the destination hold in a stretch of positions. */
export interface PageKnowledge {
  /** Bits of other runs since each action's epoch, by action. */
  readonly others: ReadonlyMap<string, ChunkBits>;
  /** Deliveries that wait in another run, as `position/action`. */
  readonly elsewhere: ReadonlySet<string>;
  /**
   * Of a replay of failures: the deliveries that it takes up, by `position/action`, each with whether another run has
   * delivered it since it was given up on. Null: the run delivers whatever it selects.
   */
  readonly toRetry: ReadonlyMap<string, boolean> | null;
}

/** The key of a delivery within a run. */
export function deliveryKey(position: Position, actionId: string): string {
  return `${position}/${actionId}`;
}

/** Reads what must not be sent again above the mark. Uses the primary keys of coverage and waiting_delivery. */
export async function readLaneKnowledge(db: Queryable, lane: TakenLane): Promise<LaneKnowledge> {
  const own = await readBits(db, lane, sql`c.run = ${lane.runNumber} and c.chunk >= ${chunkOf(lane.mark)}`);
  const rows = await db.rows<{ position: number; actionId: string; state: 'waiting' | 'dead' }>(sql`
    select position, action_id as "actionId", 'waiting' as state from waiting_delivery
    where run_id = ${lane.runId} and position > ${lane.mark}
    union all
    select position, action_id, 'dead' from dead_letter where run_id = ${lane.runId} and position > ${lane.mark}`);
  const keys = await db.rows<{ orderKey: string; count: number }>(sql`
    select order_key as "orderKey", count(*) as count from waiting_delivery
    where run_id = ${lane.runId} and lane = ${lane.lane} group by order_key`);
  return {
    own,
    rows: new Map(rows.map((row) => [deliveryKey(row.position, row.actionId), row.state])),
    waitingByKey: new Map(keys.map((row) => [row.orderKey, row.count])),
    userOf: await readUsers(
      db,
      lane.streaks.flatMap(({ positions }) => positions),
    ),
  };
}

/** Whose events are. Uses event's primary key. */
async function readUsers(db: Queryable, positions: readonly Position[]): Promise<Map<Position, string>> {
  if (positions.length === 0) return new Map();
  const rows = await db.rows<Pick<ArchivedEvent, 'position' | 'userId' | 'anonymousId' | 'messageId'>>(sql`
    select position, user_id as "userId", anonymous_id as "anonymousId", message_id as "messageId"
    from event where position = any(${[...positions]}::bigint[])`);
  return new Map(rows.map((event) => [event.position, orderKeyOf(event)]));
}

/**
 * Reads what other runs have of the positions in (after, upTo]. A stream needs none of it: its positions lie above
 * everything that a run before it could reach.
 */
export async function readPageKnowledge(
  db: Queryable,
  lane: TakenLane,
  after: Position,
  upTo: Position,
): Promise<PageKnowledge> {
  if (lane.kind === 'stream') return { others: new Map(), elsewhere: new Set(), toRetry: null };
  // In this order: what stops waiting in between has its bit by then. The other way round it would have neither.
  const waiting = await db.rows<{ position: number; actionId: string }>(sql`
    select w.position, w.action_id as "actionId" from run r join waiting_delivery w on w.run_id = r.id
    where r.destination_id = ${lane.destination.id} and r.id <> ${lane.runId} and r.ended_at is null
      and w.position between ${after + 1} and ${upTo}`);
  const others = await readBits(
    db,
    lane,
    sql`c.run <> ${lane.runNumber} and c.chunk between ${chunkOf(after + 1)} and ${chunkOf(upTo)}
      and c.run >= (select epoch from action where id = c.action_id)`,
  );
  return {
    others,
    elsewhere: new Set(waiting.map((row) => deliveryKey(row.position, row.actionId))),
    toRetry: lane.mode === 'failed' ? await readToRetry(db, lane, after, upTo) : null,
  };
}

/** Uses dead_letter_retried_by. */
async function readToRetry(
  db: Queryable,
  lane: TakenLane,
  after: Position,
  upTo: Position,
): Promise<Map<string, boolean>> {
  const rows = await db.rows<{ position: number; actionId: string; delivered: boolean }>(sql`
    select d.position, d.action_id as "actionId", ${settledSince({ except: lane.runNumber })} as delivered
    from dead_letter d where d.retried_by = ${lane.runId} and d.position between ${after + 1} and ${upTo}`);
  return new Map(rows.map((row) => [deliveryKey(row.position, row.actionId), row.delivered]));
}

async function readBits(db: Queryable, lane: TakenLane, where: Statement): Promise<Map<string, ChunkBits>> {
  const actions = lane.actions.map((action) => action.actionId);
  const rows = await db.rows<{ actionId: string; chunk: number; bits: Buffer }>(sql`
    select c.action_id as "actionId", c.chunk, bit_send(bit_or(c.bits)) as bits
    from coverage c where c.action_id = any(${actions}::uuid[]) and ${where}
    group by c.action_id, c.chunk`);
  const byAction = new Map<string, ChunkBits>();
  for (const { actionId, chunk, bits } of rows) {
    const chunks = byAction.get(actionId) ?? new Map();
    chunks.set(chunk, bits.subarray(4)); // on the wire a bit string begins with its length
    byAction.set(actionId, chunks);
  }
  return byAction;
}
