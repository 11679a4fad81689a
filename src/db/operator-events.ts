import { join, sql, type Queryable, type Statement } from './sql.ts';
import type { Database } from './database.ts';

export const operatorEventTypes = [
  'replay.started',
  'replay.paused',
  'replay.resumed',
  'replay.completed',
  'replay.cancelled',
  'replay.failed',
  'destination.failing',
  'destination.down',
  'destination.recovered',
  'destination.disabled',
  'delivery.exhausted',
] as const;
export type OperatorEventType = (typeof operatorEventTypes)[number];

/** Something that an operator wants to hear of. */
export interface OperatorEvent {
  readonly number: number;
  readonly id: string;
  readonly type: OperatorEventType;
  readonly at: Date;
  readonly destinationId: string;
  readonly destinationName: string;
  /** The replay that it is about; null: it is about the destination or its stream. */
  readonly replayId: string | null;
  readonly data: {
    readonly reason?: string | null;
    readonly withFailures?: boolean;
    /** How many deliveries failed, and arrived, in the minutes that were judged. */
    readonly failed?: number;
    readonly delivered?: number;
  };
}

/** How long a destination has to be down, or up again, before it is told; seconds. Flapping is no news. */
export interface Settling {
  readonly downS: number;
  readonly upS: number;
}
const defaultSettling: Settling = { downS: 30, upS: 120 };

/** Events for operators, newest first. @param params.before number of the last one of the page before */
export async function listOperatorEvents(
  db: Queryable,
  params: { type?: OperatorEventType; destinationId?: string; before?: number; limit: number },
): Promise<OperatorEvent[]> {
  const { type, destinationId, before, limit } = params;
  const conditions: Statement[] = [sql`true`];
  if (type !== undefined) conditions.push(sql`o.type = ${type}`);
  if (destinationId !== undefined) conditions.push(sql`o.destination_id = ${destinationId}`);
  if (before !== undefined) conditions.push(sql`o.number < ${before}`);
  return await db.rows<OperatorEvent & Record<string, unknown>>(sql`
    select ${operatorEventFields} from ${operatorEventTables}
    where ${join(conditions, sql` and `)} order by o.number desc limit ${limit}`);
}

/** What is read of an event, from `operatorEventTables`. */
export const operatorEventFields = sql`o.number, o.id, o.type, o.at, o.destination_id as "destinationId",
  d.name as "destinationName", case when r.kind = 'replay' then r.id end as "replayId", o.data`;
export const operatorEventTables = sql`operator_event o join destination d on d.id = o.destination_id
  left join run r on r.id = o.run_id`;

/**
 * Tells of destinations that are down or are up again, once over all processes: who looks compares what was told with how
 * the lanes stand, and writes both what is told and the event in one transaction. Nothing of it takes a lock that the engine
 * needs.
 */
export async function tellOfHealth(db: Database, settling: Settling = defaultSettling): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.rows(sql`select pg_advisory_xact_lock(hashtextextended('operator events', 0))`);
    await tx.run(sql`
      insert into destination_alert (destination_id) select distinct destination_id from (${heldNow}) held
      on conflict do nothing`);
    await tx.run(sql`
      update destination_alert a set differs_since = case
        when a.down = ${isHeld} then null else coalesce(a.differs_since, clock_timestamp()) end
      where (a.down = ${isHeld}) <> (a.differs_since is null)`);
    await tx.run(sql`
      with changed as (
        update destination_alert a set down = not a.down, differs_since = null,
          reason = coalesce((select min(h.reason) from (${heldNow}) h where h.destination_id = a.destination_id), a.reason)
        where a.differs_since <= clock_timestamp()
          - case when a.down then ${settling.upS}::float8 else ${settling.downS}::float8 end * interval '1 second'
        returning a.destination_id, a.down, a.reason
      )
      insert into operator_event (type, destination_id, data)
      select case when down then 'destination.down' else 'destination.recovered' end, destination_id,
        jsonb_build_object('reason', reason)
      from changed`);
  });
}

/** Lanes that are held because their destination cannot be sent to; that it wants to be asked less is no outage. */
const heldNow = sql`
  select r.destination_id, l.state_reason as reason from lane l join run r on r.id = l.run_id
  where l.state = 'held' and r.ended_at is null and split_part(l.state_reason, ':', 1) <> 'throttled'`;
const isHeld = sql`exists (select 1 from (${heldNow}) h where h.destination_id = a.destination_id)`;

/** Forgets what is older than 90 days and has been told to everybody who is to be told of it. */
export async function forgetOldOperatorEvents(db: Queryable): Promise<void> {
  // What was queued for a notification while that was being deleted.
  await db.run(sql`
    delete from notification_event e where not exists (select 1 from notification n where n.id = e.notification_id)`);
  await db.run(sql`
    delete from operator_event o where o.at < now() - interval '90 days'
      and not exists (select 1 from notification_event e where e.event_number = o.number)`);
}
