import { randomUUID } from 'node:crypto';
import type { TokenStore } from '../destinations/token-renewal.ts';
import { sql, type Queryable } from './sql.ts';

/** Longer than a refresh takes; whoever stops within one holds the others up for so long. */
const claimSeconds = 30;
/** After a failure nobody asks for so long: a refused token stays refused until somebody gives another one. */
const restSeconds = 30;

/** The OAuth tokens of one destination as Postgres keeps them: sealed in its settings, renewed by one process at a time. */
export function tokenRows(db: Queryable, destinationId: string): TokenStore {
  const own = (holder: string) => sql`destination_id = ${destinationId} and holder = ${holder}`;
  return {
    read: async () => {
      const [row] = await db.rows<{ sealed: string }>(sql`
        select settings_sealed as sealed from destination where id = ${destinationId} and deleted_at is null`);
      return row?.sealed ?? null;
    },
    claim: async () => {
      const holder = randomUUID();
      const claimed = await db.run(sql`
        insert into token_refresh (destination_id, holder, claimed_until)
        values (${destinationId}, ${holder}, clock_timestamp() + make_interval(secs => ${claimSeconds}))
        on conflict (destination_id) do update
          set holder = excluded.holder, claimed_until = excluded.claimed_until, message = null
          where token_refresh.claimed_until < clock_timestamp()`);
      if (claimed > 0) return { kind: 'claimed', holder };
      const [row] = await db.rows<{ message: string | null }>(
        sql`select message from token_refresh where destination_id = ${destinationId}`,
      );
      return row?.message == null ? { kind: 'busy' } : { kind: 'failed', message: row.message };
    },
    store: async (before, after) => {
      const stored = await db.run(sql`
        update destination set settings_sealed = ${after} where id = ${destinationId} and settings_sealed = ${before}`);
      return stored > 0;
    },
    fail: async (holder, message) => {
      await db.run(sql`
        update token_refresh set holder = null, message = ${message},
          claimed_until = clock_timestamp() + make_interval(secs => ${restSeconds}) where ${own(holder)}`);
    },
    release: async (holder) => {
      await db.run(sql`delete from token_refresh where ${own(holder)}`);
    },
  };
}
