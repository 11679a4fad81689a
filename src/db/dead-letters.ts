import type { EventType, Position } from '../core/event.ts';
import type { Failure } from '../core/outcome.ts';
import { isOpen, readTakeUps } from './dead-letter-holders.ts';
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
  /** It can be retried: nothing has settled it, and nothing is about to. */
  readonly open: boolean;
  readonly event: DeadEvent | null;
}

export interface DeadEvent {
  readonly type: EventType;
  readonly name: string | null;
  readonly messageId: string;
  readonly userId: string | null;
  readonly anonymousId: string | null;
  readonly sourceId: string;
}

/** Which dead letters are meant; an absent member limits nothing. */
export interface DeadLetterFilter {
  readonly destinationId?: string;
  /** The replay that they died in. */
  readonly replayId?: string;
  readonly diedIn?: 'stream' | 'replay';
  readonly errorClass?: string;
  /** Given up on then or later. */
  readonly diedFrom?: Date;
  /** Given up on before. */
  readonly diedTo?: Date;
  readonly open?: boolean;
  /** Compared with userId and with anonymousId. */
  readonly user?: string;
  /** Id of a source. */
  readonly source?: string;
}

/** Where a page of dead letters ended: time of death in microseconds since the epoch, and id. */
export type DeadLetterPlace = readonly [diedMicroseconds: number, id: string];

/** Dead letters of one kind at one destination. */
export interface DeadLetterClass {
  readonly destinationId: string;
  readonly errorClass: string;
  readonly count: number;
  readonly firstDiedAt: Date;
  readonly lastDiedAt: Date;
  /** The newest of them. */
  readonly sample: DeadLetterRecord;
}

type Row = Omit<DeadLetterRecord, 'event'> & {
  diedMicroseconds: number;
  event: DeadEvent | null;
};

/**
 * Dead letters, newest first. By destination it reads the index dead_letter_destination, by replay the unique index
 * on (run_id, position, action_id).
 * @param params.after where the page before ended
 */
export async function listDeadLetters(
  db: Queryable,
  params: DeadLetterFilter & { after?: DeadLetterPlace; limit: number },
): Promise<(DeadLetterRecord & { place: DeadLetterPlace })[]> {
  const { after, limit, ...filter } = params;
  const open = await openNow(db, filter);
  const conditions = conditionsOf(filter, open);
  if (after !== undefined) {
    conditions.push(sql`(d.died_at, d.id) < (${atMicroseconds(after[0])}, ${after[1]}::uuid)`);
  }
  return await read(db, conditions, open, limit);
}

/** One dead letter, null when there is none of this id. */
export async function getDeadLetter(db: Queryable, id: string): Promise<DeadLetterRecord | null> {
  const [row] = await read(db, [sql`d.id = ${id}`], await openNow(db), 1);
  return row ?? null;
}

/**
 * How many dead letters there are by destination and kind of failure, the most frequent first. Without a filter on
 * events or on what is open it is answered from the index dead_letter_class alone.
 */
export async function deadLetterClasses(
  db: Queryable,
  filter: DeadLetterFilter,
  limit: number,
): Promise<DeadLetterClass[]> {
  const open = await openNow(db, filter);
  const rows = await db.rows<Omit<DeadLetterClass, 'sample'> & { newest: string }>(sql`
    select d.destination_id as "destinationId", d.error_class as "errorClass", count(*) as count,
      min(d.died_at) as "firstDiedAt", max(d.died_at) as "lastDiedAt",
      (array_agg(d.id order by d.died_at desc, d.id desc))[1] as newest
    from dead_letter d ${looksAtEvents(filter) ? sql`left join event e on e.position = d.position` : sql``}
    where ${join(conditionsOf(filter, open), sql` and `)}
    group by d.destination_id, d.error_class order by count(*) desc, d.destination_id, d.error_class
    limit ${limit}`);
  const newest = rows.map((row) => row.newest);
  const samples = await read(db, [sql`d.id = any(${newest}::uuid[])`], open, newest.length);
  const byId = new Map(samples.map((sample) => [sample.id, sample]));
  return rows.map(({ newest: id, ...row }) => ({ ...row, sample: byId.get(id)! }));
}

/** Which dead letters are open, as a condition. */
async function openNow(db: Queryable, { destinationId }: DeadLetterFilter = {}): Promise<Statement> {
  return isOpen(await readTakeUps(db, destinationId ?? null));
}

function looksAtEvents({ open, user, source }: DeadLetterFilter): boolean {
  return open !== undefined || user !== undefined || source !== undefined;
}

function conditionsOf(filter: DeadLetterFilter, isOpen: Statement): Statement[] {
  const { destinationId, replayId, diedIn, errorClass, diedFrom, diedTo, open, user, source } = filter;
  const conditions: Statement[] = [sql`true`];
  if (destinationId !== undefined) conditions.push(sql`d.destination_id = ${destinationId}`);
  if (replayId !== undefined) conditions.push(sql`d.run_id = ${replayId}`);
  if (diedIn !== undefined) {
    conditions.push(sql`exists (select 1 from run died where died.id = d.run_id and died.kind = ${diedIn})`);
  }
  if (errorClass !== undefined) conditions.push(sql`d.error_class = ${errorClass}`);
  if (diedFrom !== undefined) conditions.push(sql`d.died_at >= ${diedFrom}`);
  if (diedTo !== undefined) conditions.push(sql`d.died_at < ${diedTo}`);
  if (user !== undefined) conditions.push(sql`(e.user_id = ${user} or e.anonymous_id = ${user})`);
  if (source !== undefined) conditions.push(sql`e.source_id = ${source}`);
  if (open !== undefined) conditions.push(open ? isOpen : sql`not ${isOpen}`);
  return conditions;
}

async function read(
  db: Queryable,
  conditions: readonly Statement[],
  isOpen: Statement,
  limit: number,
): Promise<(DeadLetterRecord & { place: DeadLetterPlace })[]> {
  const rows = await db.rows<Row>(sql`
    select d.id, d.destination_id as "destinationId", d.run_id as "runId", r.kind as "runKind",
      d.action_id as "actionId", d.action_version as "actionVersion", d.position, d.error_class as "errorClass",
      d.failure, d.attempts, d.first_failed_at as "firstFailedAt", d.died_at as "diedAt",
      d.retried_by as "retriedBy", ${isOpen} as open, ${microsecondsOf(sql`d.died_at`)} as "diedMicroseconds",
      case when e.position is not null then json_build_object('type', e.type, 'name', e.name,
        'messageId', e.message_id, 'userId', e.user_id, 'anonymousId', e.anonymous_id,
        'sourceId', e.source_id) end as event
    from dead_letter d join run r on r.id = d.run_id left join event e on e.position = d.position
    where ${join(conditions, sql` and `)} order by d.died_at desc, d.id desc limit ${limit}`);
  return rows.map(({ diedMicroseconds, ...row }) => ({ ...row, place: [diedMicroseconds, row.id] as const }));
}
