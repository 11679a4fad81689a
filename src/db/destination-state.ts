import type { Database } from './database.ts';
import { ownAudit } from './audit/write.ts';
import { endStream } from './streams.ts';
import { contentOf } from './sealed-texts.ts';
import { sql } from './sql.ts';

/**
 * Switches a destination off because it answered that it wants no more events: its stream ends at its mark, its
 * replay is paused, and both say why. Nothing is lost: what it lacks stays missing. An answer that came late, to a request
 * of settings that have been changed since, says nothing of the destination as it is now.
 * @param asked the destination with the settings that were answered so
 */
export async function disableDestination(
  db: Database,
  asked: { readonly id: string; readonly settingsSealed: string },
  reason: string,
): Promise<void> {
  const destinationId = asked.id;
  await db.transaction(async (tx) => {
    const disabled = await tx.run(sql`
      update destination set enabled = false, disabled_reason = ${reason}, updated_at = clock_timestamp()
      where id = ${destinationId} and ${contentOf(sql`settings_sealed`)} = ${contentOf(sql`${asked.settingsSealed}::text`)}`);
    if (disabled === 0) return;
    await tx.run(sql`
      update run set desired = 'paused', status_reason = 'destination_disabled', revision = revision + 1
      where destination_id = ${destinationId} and kind = 'replay' and ended_at is null and desired = 'running'`);
    await endStream(tx, destinationId, reason);
    await tx.run(
      ownAudit('disableDestination', {
        resource: sql`'/api/destinations/' || id`,
        before: { enabled: true },
        after: { enabled: false, disabledReason: reason },
        from: sql`(select ${destinationId}::uuid as id) disabled`,
      }),
    );
  });
}
