import { rejectedEvent, type NewEvent, type RejectedEvent } from '../../core/new-event.ts';
import { appendCall, type AppendOptions } from '../archive/append.ts';
import { bytesArray, textArray } from '../archive/binary-array.ts';
import { inHalves, refusesContent } from '../archive/keep.ts';
import { lookUpText } from '../archive/look-up-text.ts';
import { rejectedRows } from '../archive/rejected.ts';
import { sql, type Queryable, type Statement } from '../sql.ts';
import type { Checkpoint } from './claim.ts';
import { keptErrors, type ImportError } from './records.ts';

/** A row of a file, as an event or with the reason why it is none. */
export type ImportedRow = {
  /** Where it begins, from 1. */
  readonly line: number;
  /** How far the import has come once it is committed. */
  readonly after: Checkpoint;
} & (
  | { readonly event: NewEvent; readonly rejected?: never }
  | { readonly rejected: RejectedEvent; readonly event?: never }
);

/** Another sender has the import. */
export class ClaimLost extends Error {}

/** The import that its sender commits to, and how far it has come. */
export interface ImportClaim extends AppendOptions {
  readonly id: string;
  readonly sender: string;
  readonly sourceId: string;
  at: Checkpoint;
}

/**
 * Archives rows, keeps those that are none, and moves the import behind them, all in one statement: either all of it
 * has happened or nothing, and the append's lock is never held over a round trip. What is committed already is left
 * out, so after an unknown outcome the same rows can be committed again. A row that the database refuses is found by
 * halving and kept as rejected.
 * @returns how many events were kept apart by the database, beside the rejected rows
 * @throws ClaimLost when another sender has the import; what Postgres throws when it is away
 */
export async function commitRows(
  db: Queryable,
  claim: ImportClaim,
  rows: readonly ImportedRow[],
): Promise<number> {
  let left = rows.filter(({ after }) => after.bytes > claim.at.bytes);
  while (left.length > 0) {
    try {
      const conflicts = await commitOnce(db, claim, left);
      if (conflicts !== null) return conflicts;
      claim.at = await checkpointOf(db, claim);
      left = left.filter(({ after }) => after.bytes > claim.at.bytes);
    } catch (error) {
      if (!refusesContent(error)) throw error;
      return await commitHalves(db, claim, left);
    }
  }
  return 0;
}

async function commitHalves(
  db: Queryable,
  claim: ImportClaim,
  rows: readonly ImportedRow[],
): Promise<number> {
  const [only] = rows;
  if (rows.length === 1 && only?.event !== undefined) {
    const { line, after, event } = only;
    const { rejected } = rejectedEvent('not_storable', event.raw, { messageId: event.messageId }, event);
    await commitRows(db, claim, [{ line, after, rejected }]);
    return 1;
  }
  const [first, second] = await inHalves(rows, (half) => commitRows(db, claim, half));
  return first + second;
}

/** @returns how many messageIds were reused; null when nothing was committed, because the import is not where the claim says, or not the sender's */
async function commitOnce(
  db: Queryable,
  claim: ImportClaim,
  rows: readonly ImportedRow[],
): Promise<number | null> {
  const events = rows.flatMap((row) => row.event ?? []);
  const rejected = rows.flatMap((row) => row.rejected ?? []);
  const errors = rows.flatMap((row) => (row.rejected === undefined ? [] : errorOf(row.line, row.rejected)));
  const after = rows.at(-1)!.after;
  // The append runs once for the row of `claim`: not at all, when there is none.
  const [moved] = await db.rows<{ conflicts: number }>(sql`
    with claim as materialized (
      select id from import
      where id = ${claim.id} and sender = ${claim.sender} and bytes = ${claim.at.bytes} for update
    ), archived as materialized (
      select a.* from claim, lateral ${appendCall(events, claim)} a
    ), kept as (
      insert into rejected_event (received_at, source_id, code, message, message_id, raw, arrival)
      select r.* from claim, ${rejectedRows(rejected)} r
    ), noted as (
      insert into import_error (import_id, line, code, message, raw)
      select claim.id, e.* from claim, ${errorRows(errors)} e where ${keepsErrors(claim.id)}
      on conflict do nothing
    )
    update import i set bytes = ${after.bytes}, lines = ${after.lines}, digest = ${after.digest},
      appended = i.appended + a.appended, duplicates = i.duplicates + a.duplicates,
      rejected = i.rejected + a.conflicts + ${rejected.length},
      last_position = case when a.appended > 0 then a.head else i.last_position end,
      renewed_at = clock_timestamp(), updated_at = clock_timestamp()
    from archived a where i.id = ${claim.id}
    returning a.conflicts`);
  if (moved === undefined) return null;
  claim.at = after;
  if (moved.conflicts > 0) await noteConflicts(db, claim, rows);
  return moved.conflicts;
}

async function checkpointOf(db: Queryable, claim: ImportClaim): Promise<Checkpoint> {
  const [at] = await db.rows<Checkpoint & { [column: string]: unknown }>(sql`
    select bytes, lines, digest from import where id = ${claim.id} and sender = ${claim.sender}`);
  if (at === undefined) throw new ClaimLost('another sender has the import');
  return at;
}

/** Which rows reused a messageId is known to the append alone, by what it has just kept as rejected. */
async function noteConflicts(db: Queryable, claim: ImportClaim, rows: readonly ImportedRow[]): Promise<void> {
  const found = await db.rows<{ code: string; message: string; raw: Buffer }>(sql`
    select code, message, raw from (
      select code, message, raw from rejected_event where source_id = ${claim.sourceId}
      order by id desc limit ${rows.length * 2}) newest
    where code = 'message_id_reused'`);
  const reused = new Map(found.map((row) => [row.raw.toString('latin1'), row]));
  const errors = rows.flatMap(({ line, event }) => {
    const conflict = event && reused.get(Buffer.from(event.raw).toString('latin1'));
    return conflict === undefined ? [] : errorOf(line, conflict);
  });
  await db.run(sql`
    insert into import_error (import_id, line, code, message, raw)
    select ${claim.id}::uuid, e.* from ${errorRows(errors)} e where ${keepsErrors(claim.id)}
    on conflict do nothing`);
}

function errorOf(line: number, from: { code: string; message: string; raw: Uint8Array }): ImportError {
  return { line, code: from.code, message: from.message, raw: from.raw.subarray(0, keptErrors.bytes) };
}

function errorRows(errors: readonly ImportError[]): Statement {
  const first = errors.slice(0, keptErrors.rows);
  return sql`unnest(${first.map(({ line }) => line)}::bigint[],
    ${textArray(first.map(({ code }) => code))}::text[],
    ${textArray(first.map(({ message }) => lookUpText(message)))}::text[],
    ${bytesArray(first.map(({ raw }) => raw))}::bytea[])`;
}

/** The rest of a file that is wrong from end to end says nothing more. */
function keepsErrors(id: string): Statement {
  return sql`(select count(*) from import_error where import_id = ${id}) < ${keptErrors.rows}`;
}
