import { sql, type Queryable } from '../sql.ts';
import { defaultDedupeWindow } from './append.ts';

const rowsPerCall = 50_000;

/**
 * Forgets identities that are older than the dedupe window; a few at a time, so that no append waits. Uses
 * event_identity_received_at.
 * @returns how many were forgotten
 */
export async function pruneIdentities(db: Queryable, window: string = defaultDedupeWindow): Promise<number> {
  return await db.run(sql`
    delete from event_identity where key in (
      select key from event_identity where received_at < clock_timestamp() - ${window}::interval limit ${rowsPerCall})`);
}
