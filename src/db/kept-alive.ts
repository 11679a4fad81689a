import { sql, type Queryable } from './sql.ts';

/** Well below the time after which Postgres ends a transaction whose owner says nothing. */
const everyMs = 3_000;

/** Does something that takes its time and does not use the transaction, which stays open meanwhile. */
export async function keptAlive<T>(tx: Queryable, work: () => Promise<T>): Promise<T> {
  // A connection that is gone is found out by the next statement of the owner.
  const timer = setInterval(() => void tx.run(sql`select 1`).catch(() => undefined), everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
