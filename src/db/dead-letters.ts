import type { EventType, Position } from '../core/event.ts';
import type { Failure } from '../core/outcome.ts';
import { atMicroseconds, microsecondsOf } from './instant.ts';
import { join, sql, type Queryable, type Statement } from './sql.ts';

/** A delivery given up on, with its last failure and who the event was. */
export interface DeadLetterRecord {
  readonly id: string;
  readonly destinationId: string;
  readonly runId: string;
  readonly runKind: 'replay' | 'stream';
  readonly actionId: string;
  readonly actionVersion: number;
  readonly position: Position;
  readonly errorClass: string;
  readonly failure: Failure;
  readonly attempts: number;
  readonly firstFailedAt: Date;
  readonly diedAt: Date;
  /** The replay that took it up again. */
  readonly retriedBy: string | null;
  readonly event: {
    readonly type: EventType;
    readonly name: string | null;
    readonly messageId: string;
  } | null;
}

/** Where a page of dead letters ended: time of death in microseconds since the epoch, and id. */
export type DeadLetterPlace = readonly [diedMicroseconds: number, id: string];

type Row = Omit<DeadLetterRecord, 'event'> & {
  diedMicroseconds: number;
  type: EventType | null;
  name: string | null;
  messageId: string | null;
};

/**
 * Dead letters, newest first. By destination it reads the index dead_letter_destination, by replay the unique index
 * on (run_id, position, action_id).
 * @param params.after where the page before ended
 */
export async function listDeadLetters(
  db: Queryable,
  params: {
    destinationId?: string;
    replayId?: string;
    errorClass?: string;
    after?: DeadLetterPlace;
    limit: number;
  },
): Promise<(DeadLetterRecord & { place: DeadLetterPlace })[]> {
  const { destinationId, replayId, errorClass, after } = params;
  const conditions: Statement[] = [sql`true`];
  if (destinationId !== undefined) conditions.push(sql`l.destination_id = ${destinationId}`);
  if (replayId !== undefined) conditions.push(sql`l.run_id = ${replayId}`);
  if (errorClass !== undefined) conditions.push(sql`l.error_class = ${errorClass}`);
  if (after !== undefined) {
    conditions.push(sql`(l.died_at, l.id) < (${atMicroseconds(after[0])}, ${after[1]}::uuid)`);
  }
  const rows = await db.rows<Row>(sql`
    select l.id, l.destination_id as "destinationId", l.run_id as "runId", r.kind as "runKind",
      l.action_id as "actionId", l.action_version as "actionVersion", l.position, l.error_class as "errorClass",
      l.failure, l.attempts, l.first_failed_at as "firstFailedAt", l.died_at as "diedAt",
      l.retried_by as "retriedBy", ${microsecondsOf(sql`l.died_at`)} as "diedMicroseconds",
      e.type, e.name, e.message_id as "messageId"
    from dead_letter l join run r on r.id = l.run_id left join event e on e.position = l.position
    where ${join(conditions, sql` and `)} order by l.died_at desc, l.id desc limit ${params.limit}`);
  return rows.map(({ diedMicroseconds, type, name, messageId, ...row }) => ({
    ...row,
    event: type === null || messageId === null ? null : { type, name, messageId },
    place: [diedMicroseconds, row.id] as const,
  }));
}
