import { chunkPositions } from '../../core/coverage.ts';
import { archiveHead, firstAbove } from '../archive/read.ts';
import type { Database } from '../database.ts';
import { sql } from '../sql.ts';
import { chunksLock, listPeople } from './people.ts';

/** Chunks that one statement sums up. */
const chunksPerStep = 16;

/**
 * Sums up the chunks of the archive that are full, and lists the people in them: position order is commit order, so nothing comes into a chunk once
 * the head lies behind it. Passed over while another process does it.
 * @param goOn whether to begin another step
 */
export async function sumUpChunks(db: Database, goOn: () => boolean = () => true): Promise<void> {
  const full = Math.floor(((await archiveHead(db)) + 1) / chunkPositions) - 1;
  while (goOn() && (await sumUpSome(db, full)));
}

/** @returns whether there may be more to do */
async function sumUpSome(db: Database, lastFull: number): Promise<boolean> {
  return await db.transaction(async (tx) => {
    const [lock] = await tx.rows<{ got: boolean }>(
      sql`select pg_try_advisory_xact_lock(${chunksLock}::bigint) as got`,
    );
    if (lock?.got !== true) return false;
    const [done] = await tx.rows<{ last: number | null }>(sql`select max(chunk) as last from archive_chunk`);
    const next = (done?.last ?? -1) + 1;
    const first = await firstAbove(tx, next * chunkPositions - 1); // what lies below may be gone
    if (first === null) return false;
    const from = Math.max(next, Math.floor(first / chunkPositions));
    const to = Math.min(lastFull, from + chunksPerStep - 1);
    if (from > to) return false;
    await tx.run(sql`
      insert into archive_chunk
      select number, received_from, received_to, timestamp_from, timestamp_to, coalesce(types, '{}'),
        coalesce(sources, '{}'), coalesce(origins, '{}')
      from generate_series(${from}::bigint, ${to}::bigint) number left join (
        select position / ${chunkPositions}::bigint as chunk, min(received_at) as received_from,
          max(received_at) as received_to, min(timestamp) as timestamp_from, max(timestamp) as timestamp_to,
          array_agg(distinct type) as types, array_agg(distinct source_id) as sources,
          array_agg(distinct origin) as origins
        from event where position between ${from * chunkPositions} and ${(to + 1) * chunkPositions - 1} group by 1
      ) held on held.chunk = number`);
    await listPeople(tx, from, to);
    return true;
  });
}
