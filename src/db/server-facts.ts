import { openDatabase } from './database.ts';
import { sql } from './sql.ts';

/** What a Postgres is like for whoever DATABASE_URL says. */
export interface ServerFacts {
  /** As it calls itself: 18.1. */
  readonly version: string;
  readonly major: number;
  readonly user: string;
  /** Tables may be made in the schema that they would come into. */
  readonly mayCreate: boolean;
  /** It is no standby and not set to read only. */
  readonly writable: boolean;
}

/** Looks at a server without changing it. @throws what Postgres or the network says when it cannot be reached */
export async function serverFacts(url: string): Promise<ServerFacts> {
  const db = openDatabase({ url, name: 'reprise-facts', maxConnections: 1, queryTimeoutMs: 10_000 });
  try {
    const [row] = await db.rows<ServerFacts & Record<string, unknown>>(sql`
      select current_setting('server_version') as version,
        current_setting('server_version_num')::integer / 10000 as major, current_user::text as "user",
        coalesce(has_schema_privilege(current_schema(), 'create'), false) as "mayCreate",
        not pg_is_in_recovery() and current_setting('default_transaction_read_only') = 'off' as writable`);
    return row!;
  } finally {
    await db.close();
  }
}
