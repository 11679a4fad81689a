import type { NotificationFailure } from './notifications.ts';
import { operatorEventFields, operatorEventTables, type OperatorEvent } from './operator-events.ts';
import { sql, type Queryable, type Statement } from './sql.ts';

/** A notification that one process sends for now; nobody else does until the claim has run out. */
export interface NotificationClaim {
  readonly claim: string;
  readonly id: string;
  readonly name: string;
  readonly settingsSealed: string;
  /** Failures in a row so far. */
  readonly failures: number;
  /** Since the first of them; milliseconds, 0 without one. */
  readonly failingForMs: number;
}

/** What is to be told next. */
export interface QueuedEvent {
  readonly event: OperatorEvent;
  /** How often it was tried before. */
  readonly attempts: number;
  /** Since it was first tried; milliseconds, 0 before. */
  readonly triedForMs: number;
}

/**
 * Claims a notification that has something to be told now and that nobody sends.
 * @param claim an id of one's own, new for each claim
 * @param claimMs how long it holds unless it is held again
 */
export async function claimNotification(
  db: Queryable,
  claim: string,
  claimMs: number,
): Promise<NotificationClaim | null> {
  const [claimed] = await db.rows<Omit<NotificationClaim, 'claim'>>(sql`
    update notification set claim = ${claim}, claimed_until = ${inMs(claimMs)}
    where id = (
      select n.id from notification n
      where n.next_at <= clock_timestamp() and coalesce(n.claimed_until <= clock_timestamp(), true)
        and exists (select 1 from notification_event e
          where e.notification_id = n.id and e.due_at <= clock_timestamp())
      order by n.next_at limit 1 for no key update skip locked)
    returning id, name, settings_sealed as "settingsSealed", failures, ${sinceMs(sql`failing_since`)} as "failingForMs"`);
  return claimed === undefined ? null : { claim, ...claimed };
}

/** Holds a claim for so much longer. @returns false when it was lost, or the notification is deleted */
export async function holdNotification(
  db: Queryable,
  held: NotificationClaim,
  claimMs: number,
): Promise<boolean> {
  const kept = await db.run(sql`
    update notification set claimed_until = ${inMs(claimMs)} where id = ${held.id} and claim = ${held.claim}`);
  return kept > 0;
}

/** Gives a claim back. */
export async function releaseNotification(db: Queryable, held: NotificationClaim): Promise<void> {
  await db.run(sql`
    update notification set claim = null, claimed_until = null where id = ${held.id} and claim = ${held.claim}`);
}

/** What a notification is to be told next: of what was tried least often the oldest. Null: nothing now. */
export async function nextQueuedEvent(db: Queryable, id: string): Promise<QueuedEvent | null> {
  const [row] = await db.rows<OperatorEvent & { attempts: number; triedForMs: number }>(sql`
    select ${operatorEventFields}, e.attempts, ${sinceMs(sql`e.first_tried_at`)} as "triedForMs"
    from notification_event e join (${operatorEventTables}) on o.number = e.event_number
    where e.notification_id = ${id} and e.due_at <= clock_timestamp()
    order by e.attempts, e.event_number limit 1`);
  if (row === undefined) return null;
  const { attempts, triedForMs, ...event } = row;
  return { event, attempts, triedForMs };
}

/**
 * Notes that an event was told. When that ends an outage of the receiver, what was tried in vain is due at once.
 * @returns false when the claim was lost meanwhile: it is told again
 */
export async function noteTold(
  tx: Queryable,
  held: NotificationClaim,
  eventNumber: number,
): Promise<boolean> {
  const noted = await tx.run(sql`
    update notification set last_delivered_at = clock_timestamp(), failures = 0, failing_since = null
    where id = ${held.id} and claim = ${held.claim}`);
  if (noted === 0) return false;
  await tx.run(
    sql`delete from notification_event where notification_id = ${held.id} and event_number = ${eventNumber}`,
  );
  // One failure may be the event's own fault, and then says nothing of the others.
  if (held.failures > 1)
    await tx.run(
      sql`update notification_event set due_at = clock_timestamp() where notification_id = ${held.id}`,
    );
  return true;
}

/** What follows from a failure, in milliseconds from now. */
export interface FailureNoted {
  readonly failure: NotificationFailure;
  readonly eventNumber: number;
  readonly pauseMs: number;
  readonly retryMs: number;
  /** Of what waits, what is given up on: nothing, this event, or all that has waited for longer than so many milliseconds. */
  readonly giveUp: 'nothing' | 'event' | { readonly olderThanMs: number };
}

/**
 * Notes that an event could not be told, and gives the claim back.
 * @returns how many events were given up on; null when the claim was lost meanwhile
 */
export async function noteNotTold(
  tx: Queryable,
  held: NotificationClaim,
  { failure, eventNumber, pauseMs, retryMs, giveUp }: FailureNoted,
): Promise<number | null> {
  const noted = await tx.run(sql`
    update notification set failures = failures + 1, failing_since = coalesce(failing_since, clock_timestamp()),
      last_failure = ${JSON.stringify(failure)}::jsonb, next_at = ${inMs(pauseMs)}, claim = null, claimed_until = null
    where id = ${held.id} and claim = ${held.claim}`);
  if (noted === 0) return null;
  await tx.run(sql`
    update notification_event set attempts = attempts + 1, due_at = ${inMs(retryMs)},
      first_tried_at = coalesce(first_tried_at, clock_timestamp())
    where notification_id = ${held.id} and event_number = ${eventNumber}`);
  if (giveUp === 'nothing') return 0;
  const which =
    giveUp === 'event'
      ? sql`event_number = ${eventNumber}`
      : sql`queued_at <= clock_timestamp() - ${giveUp.olderThanMs}::float8 * interval '1 millisecond'`;
  const gone = await tx.run(
    sql`delete from notification_event where notification_id = ${held.id} and ${which}`,
  );
  await tx.run(sql`
    update notification set given_up = given_up + ${gone}, last_given_up_at = clock_timestamp()
    where id = ${held.id} and ${gone}::integer > 0`);
  return gone;
}

const inMs = (ms: number) => sql`clock_timestamp() + ${ms}::float8 * interval '1 millisecond'`;
const sinceMs = (time: Statement) =>
  sql`coalesce(extract(epoch from clock_timestamp() - ${time})::float8 * 1000, 0)`;
