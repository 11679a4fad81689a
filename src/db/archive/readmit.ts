import type { NewEvent } from '../../core/new-event.ts';
import { rejectionReasons, type RejectionCode } from '../../core/rejection.ts';
import type { Origin } from '../../core/event.ts';
import { sql, type Queryable } from '../sql.ts';
import { appendCall, type AppendOptions } from './append.ts';
import { inHalves, nothingKept, refusesContent, sumKept, type Kept } from './keep.ts';
import { lookUpText } from './look-up-text.ts';
import { rejectedWhere, type RejectedFilter } from './rejected.ts';

/** A rejected event with all that is known of it, and with what its source may send now. */
export interface KeptRejection {
  readonly id: number;
  readonly receivedAt: Date;
  readonly sourceId: string;
  readonly origin: Origin;
  readonly maxEventBytes: number | null;
  /** Its source takes no events of suppressed users. */
  readonly refusesSuppressed: boolean;
  readonly code: string;
  readonly raw: Buffer;
  /** JSON of KeptArrival; null: it is not known. */
  readonly arrival: string | null;
}

/** The highest id of what was rejected so far; 0: nothing was. */
export async function lastRejected(db: Queryable): Promise<number> {
  const [row] = await db.rows<{ id: number }>(sql`select coalesce(max(id), 0) as id from rejected_event`);
  return row?.id ?? 0;
}

/**
 * Rejected events in the order in which they came to the list, as many as fit.
 * @param params.after only ids above it @param params.bytes how much their texts may have together; one is read in any case
 */
export async function readRejected(
  db: Queryable,
  params: RejectedFilter & { after: number; upTo: number; limit: number; bytes: number },
): Promise<KeptRejection[]> {
  const { after, upTo, limit, bytes } = params;
  return await db.rows<KeptRejection & { [column: string]: unknown }>(sql`
    select r.id, r.received_at as "receivedAt", r.source_id as "sourceId", s.origin,
      s.max_event_bytes as "maxEventBytes", s.suppressed_users = 'refuse' as "refusesSuppressed", r.code, r.raw, r.arrival
    from (
      select *, sum(octet_length(raw) + coalesce(octet_length(arrival), 0)) over (order by id)
        - octet_length(raw) - coalesce(octet_length(arrival), 0) as bytes_before from (
        select * from rejected_event where ${rejectedWhere(params)} and id > ${after} and id <= ${upTo}
        order by id limit ${limit}) first
    ) r join source s on s.id = r.source_id
    where r.bytes_before < ${bytes} order by r.id`);
}

/** A rejected event that can be archived now, as the events that it becomes. */
export interface Readmission {
  readonly id: number;
  readonly events: readonly NewEvent[];
}

/**
 * Archives rejected events and takes them off the list, all in one statement: each is archived by exactly one of those
 * who ask for it at the same time, and after an unknown outcome the same can be asked again. One that reuses a
 * messageId goes back to the list with that reason; one that the database refuses is found by halving.
 * @returns what became of them; those that somebody else readmitted meanwhile are not counted
 * @throws when Postgres is away
 */
export async function readmit(
  db: Queryable,
  asked: readonly Readmission[],
  options: AppendOptions = {},
): Promise<Kept> {
  let left = asked;
  while (left.length > 0) {
    try {
      const done = await readmitOnce(db, left, options);
      if (done !== null) return done;
    } catch (error) {
      if (!refusesContent(error)) throw error;
      return await readmitHalves(db, left, options);
    }
    const ids = left.map(({ id }) => id);
    const rows = await db.rows<{ id: number }>(
      sql`select id from rejected_event where id = any(${ids}::bigint[])`,
    );
    const listed = new Set(rows.map(({ id }) => id));
    left = left.filter(({ id }) => listed.has(id));
  }
  return nothingKept;
}

async function readmitHalves(
  db: Queryable,
  asked: readonly Readmission[],
  options: AppendOptions,
): Promise<Kept> {
  const [only] = asked;
  if (asked.length === 1 && only !== undefined) {
    await giveReasons(db, [{ id: only.id, code: 'not_storable', ...rejectionReasons.not_storable }]);
    return { ...nothingKept, rejected: 1 };
  }
  const [first, second] = await inHalves(asked, (half) => readmit(db, half, options));
  return sumKept(first, second);
}

/** @returns null when nothing was done, because one of them is not in the list any more */
async function readmitOnce(
  db: Queryable,
  asked: readonly Readmission[],
  options: AppendOptions,
): Promise<Kept | null> {
  const ids = asked.map(({ id }) => id);
  const events = asked.flatMap((one) => one.events);
  // The append runs once for the row of `whole`: not at all, when there is none.
  const [done] = await db.rows<{ appended: number; duplicates: number; rejected: number }>(sql`
    with meant as materialized (
      select id from rejected_event where id = any(${ids}::bigint[]) order by id for update
    ), whole as (
      select from meant having count(*) = ${ids.length}
    ), archived as materialized (
      select a.* from whole, lateral ${appendCall(events, options)} a
    ), gone as (
      delete from rejected_event r using archived where r.id = any(${ids}::bigint[])
    )
    select appended, duplicates, conflicts as rejected from archived`);
  return done ?? null;
}

const withoutContent: RejectionCode = 'user_suppressed';

/** Writes why events stay rejected, where it is another reason than before. Of suppressed users no content is kept. */
export async function giveReasons(
  db: Queryable,
  reasons: readonly { readonly id: number; readonly code: RejectionCode; readonly message: string }[],
): Promise<void> {
  if (reasons.length === 0) return;
  await db.run(sql`
    with meant as materialized (
      select r.id, n.code, n.message from rejected_event r
      join unnest(${reasons.map(({ id }) => id)}::bigint[], ${reasons.map(({ code }) => code)}::text[],
        ${reasons.map(({ message }) => lookUpText(message))}::text[]) as n (id, code, message) on n.id = r.id
      where (r.code, r.message) is distinct from (n.code, n.message)
      order by r.id for update of r
    )
    update rejected_event r set code = m.code, message = m.message,
      raw = case when m.code = ${withoutContent} then ''::bytea else r.raw end,
      arrival = case when m.code <> ${withoutContent} then r.arrival end
    from meant m where r.id = m.id`);
}
