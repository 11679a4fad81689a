import { atMicroseconds, microsecondsOf } from './instant.ts';
import type { OperatorEventType } from './operator-events.ts';
import { join, sql, type Queryable, type Statement } from './sql.ts';

/** Why an event could not be told. */
export interface NotificationFailure {
  readonly at: string;
  /** The kind of failure, as `http_500` or `timeout`. */
  readonly errorClass: string;
  readonly message: string;
  readonly status?: number;
}

/** An address that is told of operator events. */
export interface NotificationRecord {
  readonly id: string;
  readonly name: string;
  readonly settingsSealed: string;
  /** null: of all types. */
  readonly events: readonly OperatorEventType[] | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** How many events are still to be told. */
  readonly pending: number;
  /** Failures in a row. */
  readonly failures: number;
  readonly failingSince: Date | null;
  /** When it is tried again; null: nothing waits for that. */
  readonly nextTryAt: Date | null;
  readonly lastFailure: NotificationFailure | null;
  readonly lastDeliveredAt: Date | null;
  /** Events that were given up on. */
  readonly givenUp: number;
  readonly lastGivenUpAt: Date | null;
}

/** Where a page of them ended: time of creation in microseconds since the epoch, and id. */
export type NotificationPlace = readonly [createdMicroseconds: number, id: string];

/** What may be changed; an absent member stays as it is. */
export interface NotificationChange {
  readonly name?: string | undefined;
  readonly settingsSealed?: string | undefined;
  readonly events?: readonly OperatorEventType[] | null | undefined;
}

/** Writes a new one, which is told of what happens from then on. @returns null when there are as many as there may be */
export async function insertNotification(
  tx: Queryable,
  made: Pick<NotificationRecord, 'id' | 'name' | 'settingsSealed' | 'events'>,
  most: number,
): Promise<NotificationRecord | null> {
  await tx.rows(sql`select pg_advisory_xact_lock(hashtextextended('notifications', 0))`);
  const inserted = await tx.run(sql`
    insert into notification (id, name, settings_sealed, events)
    select ${made.id}, ${made.name}, ${made.settingsSealed}, ${listOf(made.events)}::text[]
    where (select count(*) from notification) < ${most}`);
  return inserted === 0 ? null : await getNotification(tx, made.id);
}

/** One of them; null when there is none of this id. */
export async function getNotification(db: Queryable, id: string): Promise<NotificationRecord | null> {
  return (await readNotifications(db, sql`n.id = ${id}`, 1))[0] ?? null;
}

/** Newest first. @param params.after where the page before ended */
export async function listNotifications(
  db: Queryable,
  params: { after?: NotificationPlace; limit: number },
): Promise<(NotificationRecord & { place: NotificationPlace })[]> {
  const { after, limit } = params;
  const which =
    after === undefined
      ? sql`true`
      : sql`(n.created_at, n.id) < (${atMicroseconds(after[0])}, ${after[1]}::uuid)`;
  return await readNotifications(db, which, limit);
}

/**
 * Changes what is given. Who has another address or secret is tried at once; what it is told of counts for events from then
 * on. @returns null when there is none of this id
 */
export async function changeNotification(
  db: Queryable,
  id: string,
  { name, settingsSealed, events }: NotificationChange,
): Promise<NotificationRecord | null> {
  const sets: Statement[] = [sql`updated_at = clock_timestamp()`];
  if (name !== undefined) sets.push(sql`name = ${name}`);
  if (events !== undefined) sets.push(sql`events = ${listOf(events)}::text[]`);
  if (settingsSealed !== undefined) {
    sets.push(sql`settings_sealed = ${settingsSealed}`, sql`next_at = clock_timestamp()`);
  }
  await db.run(sql`update notification set ${join(sets, sql`, `)} where id = ${id}`);
  if (settingsSealed !== undefined) {
    await db.run(sql`update notification_event set due_at = clock_timestamp() where notification_id = ${id}`);
  }
  return await getNotification(db, id);
}

/** Holds it for the caller's transaction, so that two changes do not mix. @returns null when there is none */
export async function lockNotification(tx: Queryable, id: string): Promise<NotificationRecord | null> {
  await tx.rows(sql`select 1 from notification where id = ${id} for no key update`);
  return await getNotification(tx, id);
}

/** Deletes it with what it was still to be told. @returns false when there is none */
export async function deleteNotification(tx: Queryable, id: string): Promise<boolean> {
  const deleted = await tx.run(sql`delete from notification where id = ${id}`);
  await tx.run(sql`delete from notification_event where notification_id = ${id}`);
  return deleted > 0;
}

const listOf = (events: readonly string[] | null) => (events === null ? null : [...events]);

async function readNotifications(db: Queryable, where: Statement, limit: number) {
  const rows = await db.rows<NotificationRecord & { createdMicroseconds: number }>(sql`
    select n.id, n.name, n.settings_sealed as "settingsSealed", n.events, n.created_at as "createdAt",
      n.updated_at as "updatedAt", q.pending, n.failures, n.failing_since as "failingSince",
      case when n.failures > 0 and q.pending > 0 then greatest(n.next_at, q.due) end as "nextTryAt",
      n.last_failure as "lastFailure", n.last_delivered_at as "lastDeliveredAt", n.given_up as "givenUp",
      n.last_given_up_at as "lastGivenUpAt", ${microsecondsOf(sql`n.created_at`)} as "createdMicroseconds"
    from notification n
    cross join lateral (select count(*) as pending, min(due_at) as due from notification_event e
      where e.notification_id = n.id) q
    where ${where} order by n.created_at desc, n.id desc limit ${limit}`);
  return rows.map(({ createdMicroseconds, ...row }) => ({
    ...row,
    place: [createdMicroseconds, row.id] as const,
  }));
}
