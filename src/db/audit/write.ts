import { toJsonb } from '../jsonb.ts';
import { sql, type Queryable, type Statement } from '../sql.ts';
import type { Actor } from '../tokens.ts';

/** A change as it is about to be made. */
export interface AuditBeginning {
  readonly actor: Actor;
  /** The operationId of its route. */
  readonly action: string;
  /** Address of what is changed. */
  readonly resource: string;
  readonly requestId: string;
  /** Nothing secret, nothing personal: rows stay for ever. */
  readonly content: AuditContent;
}

/** What is told of a change. */
export interface AuditContent {
  /** Method and path as the reference has them. */
  readonly route?: string;
  readonly query?: unknown;
  readonly body?: unknown;
  readonly before?: unknown;
  readonly after?: unknown;
  readonly status?: number;
  readonly code?: string;
  /** Names of the members that differ after it. Absent: by those of `before` and `after`. */
  readonly changed?: readonly string[];
  /** Of members that are not in `before` and `after`, those that changed. */
  readonly unseen?: { readonly before?: object; readonly after?: object };
  /** What hooks made or found at their service. */
  readonly savedByHooks?: unknown;
}

/** How a change ended. */
export interface AuditEnd {
  readonly resource: string;
  readonly content: AuditContent;
}

/** Writes down that a change begins. @returns the number of its row */
export async function beginAudit(
  db: Queryable,
  { actor, action, resource, requestId, content }: AuditBeginning,
) {
  const [row] = await db.rows<{ number: number }>(sql`
    insert into audit_entry (actor_id, actor_name, action, resource, request_id, content)
    values (${actor.tokenId}, ${actor.name}, ${action}, ${resource}, ${requestId}, ${toJsonb(content)}::jsonb)
    returning number`);
  return row!.number;
}

/** Writes down how a change ended. */
export async function endAudit(
  db: Queryable,
  number: number,
  { resource, content }: AuditEnd,
): Promise<void> {
  await db.run(sql`
    insert into audit_entry (ends, actor_id, actor_name, action, resource, request_id, content)
    select number, actor_id, actor_name, action, ${resource}, request_id, ${toJsonb(content)}::jsonb
    from audit_entry where number = ${number}`);
}

/**
 * What Reprise does by itself, told in the statement or transaction that does it.
 * @param resource an expression for the address of what is changed
 * @param from what the row is made for: one for each row of it
 */
export function ownAudit(
  action: 'brakeReplay' | 'disableDestination',
  { resource, before, after, from }: { resource: Statement; before: object; after: object; from: Statement },
): Statement {
  return sql`
    insert into audit_entry (actor_name, action, resource, content)
    select 'reprise', ${action}, ${resource}, ${toJsonb({ before, after })}::jsonb from ${from}`;
}
