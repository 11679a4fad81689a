import { sql, type Queryable } from '../sql.ts';
import { defaultDedupeWindow } from './append.ts';

const rowsPerCall = 50_000;

/**
 * Forgets identities that have left the dedupe window; appends pass over them anyway. A bounded number at a time, so
 * that no append waits. The outer condition is read again where an append has just taken an old messageId up anew:
 * that row stays. Uses event_identity_received_at.
 * @returns how many were forgotten; fewer than `limit` means that none is left
 */
export async function pruneIdentities(
  db: Queryable,
  window: string = defaultDedupeWindow,
  limit: number = rowsPerCall,
): Promise<number> {
  return await db.run(sql`
    delete from event_identity
    where received_at < now() - ${window}::interval and key in (
      select key from event_identity where received_at < now() - ${window}::interval limit ${limit})`);
}
