import { idOf } from '../../core/named-person.ts';
import { archiveHead, firstAbove } from '../archive/read.ts';
import type { Database } from '../database.ts';
import { holdChunks, unlist } from '../search/people.ts';
import { sql, type Queryable } from '../sql.ts';
import { deletionStep, type ClaimedDeletion } from './claim.ts';
import { pseudonymOf } from './records.ts';

/** Positions that one step looks through: a person of a million events is a few hundred of them. */
const windowPositions = 20_000;

/**
 * Makes tombstones of a person's events up to the head of the archive, step after step from where the last one ended.
 * A tombstone keeps its position, times, source, type and bucket, so that cursors, coverage and counts stay right; of
 * the event nothing is left. An alias call that names him as the id before is his as well.
 * @param goOn whether to begin another step
 * @returns whether the head was reached
 */
export async function deleteEvents(
  db: Database,
  claim: ClaimedDeletion,
  goOn: () => boolean,
): Promise<boolean> {
  const [row] = await db.rows<{ scannedTo: number }>(
    sql`select scanned_to as "scannedTo" from deletion where id = ${claim.id}`,
  );
  let from = row?.scannedTo ?? 0;
  for (;;) {
    const head = await archiveHead(db);
    if (from >= head) return true;
    if (!goOn()) return false;
    const first = await firstAbove(db, from); // partitions below may be gone
    from = Math.max(from, (first ?? from + 1) - 1);
    const to = Math.min(head, from + windowPositions);
    const stretch = { from: from + 1, to };
    await deletionStep(db, claim, { table: 'event', also: sql`scanned_to = ${to}` }, (tx) =>
      bury(tx, claim, stretch),
    );
    from = to;
  }
}

async function bury(
  tx: Queryable,
  claim: ClaimedDeletion,
  stretch: { from: number; to: number },
): Promise<number> {
  const { userId, anonymousId } = claim.person;
  const aliases = await aliasesOf(tx, idOf(claim.person), stretch);
  // Names of pages are often those of people. Those of track calls are the sender's own words, and selections ask for them.
  await holdChunks(tx);
  const buried = await tx.rows<{ position: number }>(sql`
    update event set raw = '', edits = '[]', integrations = null, message_id = '', anonymous_id = null, sent_at = null,
      user_id = ${pseudonymOf(claim.id)}, name = case when type = 'track' then name end
    where position between ${stretch.from} and ${stretch.to} and message_id <> ''
      and (user_id = ${userId} or anonymous_id = ${anonymousId} or position = any(${aliases}::bigint[]))
    returning position`);
  await unlist(
    tx,
    buried.map(({ position }) => position),
    stretch,
  );
  return buried.length;
}

async function aliasesOf(tx: Queryable, id: string, stretch: { from: number; to: number }) {
  const rows = await tx.rows<{ position: number; raw: string }>(sql`
    select position, raw from event
    where position between ${stretch.from} and ${stretch.to} and type = 'alias'
      and (strpos(raw, ${id}) > 0 or strpos(raw, '\\') > 0)`);
  return rows.filter(({ raw }) => previousId(raw) === id).map((row) => row.position);
}

function previousId(raw: string): string {
  const { previousId: id } = JSON.parse(raw) as { previousId?: unknown };
  return typeof id === 'string' || typeof id === 'number' ? String(id) : '';
}
