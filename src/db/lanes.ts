import type { EventType, Position } from '../core/event.ts';
import type { LaneState } from '../core/replay-status.ts';
import type { Selection } from '../core/selection.ts';
import { archiveHead } from './archive/read.ts';
import { selectionSql } from './archive/selection-sql.ts';
import { leaseIsLive } from './runs.ts';
import { sql, type Queryable } from './sql.ts';

/** Deliveries that wait are shown, the oldest first. */
const shownWaiting = 10;
/** Positions in which the next event of a lane is looked for: a rare selection would otherwise read millions. */
const lookedThrough = 50_000;

/** One lane as somebody sees it who asks what holds it. */
export interface LaneDetail {
  readonly lane: number;
  readonly bucketFrom: number;
  readonly bucketTo: number;
  readonly mark: Position;
  readonly markReceivedAt: Date | null;
  readonly state: LaneState;
  readonly stateReason: string | null;
  /** Since when its destination is down. */
  readonly heldSince: Date | null;
  /** When it wants to be worked again. */
  readonly wakeAt: Date | null;
  readonly rate: number;
  /** Who holds it, null: nobody, as far as Postgres' clock tells. */
  readonly holder: {
    readonly host: string | null;
    readonly pid: number | null;
    readonly renewedAt: Date;
  } | null;
  /** Events that wait for their next try or stand behind one that does. */
  readonly waitingEvents: number;
  /** Deliveries that have failed, and wait. */
  readonly failedDeliveries: number;
  readonly waiting: readonly WaitingDetail[];
  /** The first event above the mark that has no outcome and does not wait; null: none was found nearby. */
  readonly next: NextEvent | null;
}

/** A delivery that has failed and waits for its next try. */
export interface WaitingDetail {
  readonly position: Position;
  readonly actionId: string;
  readonly attempts: number;
  readonly firstFailedAt: Date | null;
  readonly dueAt: Date | null;
  readonly errorClass: string;
  readonly status: number | null;
  readonly message: string;
}

export interface NextEvent {
  readonly position: Position;
  readonly receivedAt: Date;
  readonly type: EventType;
  readonly name: string | null;
}

interface Row extends Omit<LaneDetail, 'holder' | 'waiting' | 'next'> {
  live: boolean;
  host: string | null;
  pid: number | null;
  renewedAt: Date;
}

/** The lanes of a run, each with what holds it. */
export async function readLanes(db: Queryable, runId: string): Promise<LaneDetail[]> {
  const rows = await db.rows<Row & { [column: string]: unknown }>(sql`
    select l.lane, l.bucket_from as "bucketFrom", l.bucket_to as "bucketTo", l.mark, l.mark_received_at as "markReceivedAt",
      l.state, l.state_reason as "stateReason", l.held_since as "heldSince", l.wake_at as "wakeAt", l.rate,
      ${leaseIsLive} as live, l.lease_renewed_at as "renewedAt",
      case when l.lease_holder ->> 'token' = l.lease_token::text then l.lease_holder ->> 'host' end as host,
      case when l.lease_holder ->> 'token' = l.lease_token::text then (l.lease_holder ->> 'pid')::integer end as pid,
      w.events as "waitingEvents", w.failed as "failedDeliveries"
    from lane l cross join lateral (
      select count(distinct position) as events, count(*) filter (where failure is not null and attempts > 0) as failed
      from waiting_delivery where run_id = l.run_id and lane = l.lane) w
    where l.run_id = ${runId} order by l.lane`);
  const looked = await lookOf(db, runId);
  return await Promise.all(
    rows.map(async ({ live, host, pid, renewedAt, ...row }) => ({
      ...row,
      holder: live ? { host, pid, renewedAt } : null,
      waiting: row.failedDeliveries === 0 ? [] : await readWaiting(db, runId, row.lane),
      next: looked === null || row.state === 'done' ? null : await nextEvent(db, runId, row, looked),
    })),
  );
}

async function readWaiting(db: Queryable, runId: string, lane: number): Promise<WaitingDetail[]> {
  return await db.rows<WaitingDetail & { [column: string]: unknown }>(sql`
    select position, action_id as "actionId", attempts, first_failed_at as "firstFailedAt", due_at as "dueAt",
      failure ->> 'errorClass' as "errorClass", (failure ->> 'status')::integer as status, failure ->> 'message' as message
    from waiting_delivery where run_id = ${runId} and lane = ${lane} and failure is not null and attempts > 0
    order by position, action_id limit ${shownWaiting}`);
}

interface Look {
  readonly selection: Selection;
  readonly upTo: Position;
}

async function lookOf(db: Queryable, runId: string): Promise<Look | null> {
  const [run] = await db.rows<{ selection: Selection; to: Position | null }>(
    sql`select selection, to_position as "to" from run where id = ${runId} and ended_at is null`,
  );
  return run === undefined ? null : { selection: run.selection, upTo: run.to ?? (await archiveHead(db)) };
}

async function nextEvent(
  db: Queryable,
  runId: string,
  { mark, lane, bucketFrom, bucketTo }: Pick<LaneDetail, 'mark' | 'lane' | 'bucketFrom' | 'bucketTo'>,
  { selection, upTo }: Look,
): Promise<NextEvent | null> {
  const [event] = await db.rows<NextEvent & { [column: string]: unknown }>(sql`
    select e.position, e.received_at as "receivedAt", e.type, e.name
    from run r join event e on e.position > ${mark} and e.position <= ${Math.min(upTo, mark + lookedThrough)}
      and e.bucket between ${bucketFrom} and ${bucketTo} and ${selectionSql(selection)}
    where r.id = ${runId} and exists (
      select 1 from jsonb_array_elements(r.actions) a
      where not exists (select 1 from waiting_delivery w
          where w.run_id = r.id and w.lane = ${lane} and w.position = e.position and w.action_id = (a ->> 'actionId')::uuid)
        and not exists (select 1 from dead_letter d
          where d.run_id = r.id and d.position = e.position and d.action_id = (a ->> 'actionId')::uuid)
        and not exists (select 1 from coverage c
          where c.action_id = (a ->> 'actionId')::uuid and c.chunk = e.position / 8192 and c.run = r.number
            and get_bit(c.bits, (e.position % 8192)::integer) = 1))
    order by e.position limit 1`);
  return event ?? null;
}
