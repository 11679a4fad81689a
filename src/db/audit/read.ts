import { join, sql, type Queryable, type Statement } from '../sql.ts';
import type { Actor } from '../tokens.ts';
import type { AuditContent } from './write.ts';

/** A change with its end. */
export interface AuditRecord {
  readonly number: number;
  readonly at: Date;
  readonly actor: Actor;
  readonly action: string;
  readonly resource: string;
  readonly requestId: string | null;
  readonly content: AuditContent;
  /** Null: it has not been told, as it goes on, or its process ended before. */
  readonly end: { readonly at: Date; readonly content: AuditContent } | null;
  readonly hash: Buffer;
}

/** Which changes are meant; all that is given has to be met. */
export interface AuditFilter {
  /** A token's id, or a name. */
  readonly actor?: string;
  readonly action?: string;
  /** An address, with all that lies below it. */
  readonly resource?: string;
  readonly from?: Date;
  readonly to?: Date;
}

/** Changes, newest first. @param params.before number of the last one of the page before */
export async function listAudit(
  db: Queryable,
  filter: AuditFilter,
  params: { before?: number; limit: number },
): Promise<AuditRecord[]> {
  const { actor, action, resource, from, to } = filter;
  const conditions: Statement[] = [sql`b.ends is null`];
  if (actor !== undefined) conditions.push(sql`(b.actor_id::text = ${actor} or b.actor_name = ${actor})`);
  if (action !== undefined) conditions.push(sql`b.action = ${action}`);
  if (resource !== undefined) conditions.push(isBelow(resource));
  if (from !== undefined) conditions.push(sql`b.at >= ${from}`);
  if (to !== undefined) conditions.push(sql`b.at < ${to}`);
  if (params.before !== undefined) conditions.push(sql`b.number < ${params.before}`);
  return await readAudit(db, join(conditions, sql` and `), params.limit);
}

/** One change by its number, null when there is none. */
export async function getAudit(db: Queryable, number: number): Promise<AuditRecord | null> {
  return (await readAudit(db, sql`b.ends is null and b.number = ${number}`, 1))[0] ?? null;
}

/** What is made has its address only at its end. */
function isBelow(resource: string): Statement {
  const address = sql`coalesce(e.resource, b.resource)`;
  return sql`(${address} = ${resource} or starts_with(${address}, ${`${resource}/`}))`;
}

async function readAudit(db: Queryable, where: Statement, limit: number): Promise<AuditRecord[]> {
  const rows = await db.rows<
    Omit<AuditRecord, 'actor' | 'end'> & {
      actorId: string | null;
      actorName: string;
      endedAt: Date | null;
      endContent: AuditContent | null;
    }
  >(sql`
    select b.number, b.at, b.actor_id as "actorId", b.actor_name as "actorName", b.action,
      coalesce(e.resource, b.resource) as resource, b.request_id as "requestId", b.content, b.hash,
      e.at as "endedAt", e.content as "endContent"
    from audit_entry b left join audit_entry e on e.ends = b.number
    where ${where} order by b.number desc limit ${limit}`);
  return rows.map(({ actorId, actorName, endedAt, endContent, ...row }) => ({
    ...row,
    actor: { tokenId: actorId, name: actorName },
    end: endedAt === null || endContent === null ? null : { at: endedAt, content: endContent },
  }));
}
