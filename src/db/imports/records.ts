import type { EventType } from '../../core/event.ts';
import { toJsonb } from '../jsonb.ts';
import { microsecondsOf, atMicroseconds } from '../instant.ts';
import { sql, type Queryable, type Statement } from '../sql.ts';
import { isClaimed } from './claim.ts';

/** How the rows of a file become events; it is part of what an import is and never changes. */
export interface ImportRequest {
  readonly format: 'ndjson' | 'csv';
  /** Of CSV rows whose file has no such column. */
  readonly type: EventType | null;
  /** `column:place` pairs as they were asked for. */
  readonly map: readonly string[];
}

/** `interrupted`: nobody sends it, and it has not ended. `failed`: that, because the file could not be read on. */
export type ImportStatus = 'running' | 'interrupted' | 'completed' | 'failed';

/** A row that was not accepted. */
export interface ImportError {
  readonly line: number;
  readonly code: string;
  readonly message: string;
  /** Its first bytes. */
  readonly raw: Uint8Array;
}

/** Why a file cannot be read on, and where. */
export interface ImportFailure {
  readonly line: number;
  readonly detail: string;
}

export interface ImportRecord {
  readonly id: string;
  readonly sourceId: string;
  readonly name: string | null;
  readonly request: ImportRequest;
  readonly status: ImportStatus;
  /** Of the inflated file, committed. */
  readonly bytes: number;
  readonly lines: number;
  readonly appended: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly failure: ImportFailure | null;
  /** Destinations whose stream has not passed its last event: a replay that is made now would be cut before it. */
  readonly streamsBehind: readonly string[];
  readonly startedAt: Date;
  readonly updatedAt: Date;
  readonly endedAt: Date | null;
  readonly startedMicroseconds: number;
}

/** How many rows that were not accepted an import keeps with their lines, and how much of each, in bytes. */
export const keptErrors = { rows: 50, bytes: 1_024 } as const;

export interface NewImport {
  readonly id: string;
  readonly sourceId: string;
  readonly name: string | null;
  readonly request: ImportRequest;
  readonly idempotencyKey: string | null;
  /** Of a file of which nothing is read yet. */
  readonly digest: Uint8Array;
}

/** Writes a new import. @returns false when its idempotency key belongs to another one */
export async function createImport(db: Queryable, made: NewImport): Promise<boolean> {
  const created = await db.run(sql`
    insert into import (id, source_id, name, request, idempotency_key, digest)
    values (${made.id}, ${made.sourceId}, ${made.name}, ${toJsonb(made.request)}::jsonb, ${made.idempotencyKey},
      ${made.digest})
    on conflict (idempotency_key) do nothing`);
  return created > 0;
}

/** One import, null when there is none. */
export async function getImport(db: Queryable, id: string): Promise<ImportRecord | null> {
  return (await readImports(db, sql`i.id = ${id}`, 1))[0] ?? null;
}

/** The import that was made with an idempotency key. */
export async function importOfKey(db: Queryable, key: string): Promise<ImportRecord | null> {
  return (await readImports(db, sql`i.idempotency_key = ${key}`, 1))[0] ?? null;
}

/** Where a page of imports ended: start in microseconds since the epoch, and id. */
export type ImportPlace = readonly [startedMicroseconds: number, id: string];

/** Imports, newest first. @param params.after where the page before ended */
export async function listImports(
  db: Queryable,
  params: { sourceId?: string; after?: ImportPlace; limit: number },
): Promise<ImportRecord[]> {
  const { sourceId = null, after } = params;
  const place =
    after === undefined
      ? sql`true`
      : sql`(i.started_at, i.id) < (${atMicroseconds(after[0])}, ${after[1]}::uuid)`;
  const where = sql`${place} and (${sourceId}::uuid is null or i.source_id = ${sourceId})`;
  return await readImports(db, where, params.limit);
}

/** The first rows of an import that were not accepted, in the order of the file. */
export async function importErrors(db: Queryable, id: string): Promise<ImportError[]> {
  return await db.rows<ImportError>(sql`
    select line, code, message, raw from import_error where import_id = ${id} order by line
    limit ${keptErrors.rows}`);
}

/** Destinations whose stream has not passed a position, and will some time: replays may not reach it before. */
const streamsBehind = (position: Statement) => sql`(
  select coalesce(json_agg(destination_id order by destination_id), '[]') from (
    select r.destination_id from run r join lane l on l.run_id = r.id
    where r.kind = 'stream' and r.ended_at is null
    group by r.destination_id having min(l.mark) < ${position}) behind)`;

async function readImports(db: Queryable, where: Statement, limit: number): Promise<ImportRecord[]> {
  return await db.rows<ImportRecord>(sql`
    select i.id, i.source_id as "sourceId", i.name, i.request, i.bytes, i.lines, i.appended, i.duplicates, i.rejected,
      i.failure, i.started_at as "startedAt", i.updated_at as "updatedAt", i.ended_at as "endedAt",
      case when i.ended_at is not null then 'completed' when ${isClaimed} then 'running'
        when i.failure is not null then 'failed' else 'interrupted' end as status,
      ${streamsBehind(sql`i.last_position`)} as "streamsBehind",
      ${microsecondsOf(sql`i.started_at`)} as "startedMicroseconds"
    from import i where ${where} order by i.started_at desc, i.id desc limit ${limit}`);
}
