import type { Database } from './database.ts';
import { endStream } from './streams.ts';
import { sql } from './sql.ts';

/**
 * Switches a destination off because it answered that it wants no more events: its stream ends at its mark, its
 * replay is paused, and both say why. Nothing is lost: what it lacks stays missing.
 */
export async function disableDestination(db: Database, destinationId: string, reason: string): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.run(sql`
      update destination set enabled = false, disabled_reason = ${reason}, updated_at = clock_timestamp()
      where id = ${destinationId}`);
    await tx.run(sql`
      update run set desired = 'paused', status_reason = 'destination_disabled', revision = revision + 1
      where destination_id = ${destinationId} and kind = 'replay' and ended_at is null and desired = 'running'`);
    await endStream(tx, destinationId, reason);
  });
}
