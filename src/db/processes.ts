import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from './database.ts';
import { sql, type Queryable } from './sql.ts';

export type ProcessRole = 'api' | 'delivery' | 'orchestration';

/** A process as it told of itself last. */
export interface ProcessRecord {
  readonly id: string;
  readonly role: ProcessRole;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  /** Ids of the secret keys that it opens with, the one that it seals with first; empty: it opens nothing. */
  readonly keyIds: readonly string[];
  readonly startedAt: Date;
  readonly seenAt: Date;
}

/** Milliseconds between two signs of life. */
const beatMs = 5_000;
/** How long a process waits to be rid of its row when it ends, in milliseconds. */
const farewellMs = 500;

/** Says that this process runs, every five seconds until it is closed; while Postgres is away it says nothing. */
export function announceProcess(
  db: Database,
  facts: Pick<ProcessRecord, 'role' | 'version' | 'keyIds'>,
): { close(): Promise<void> } {
  const id = randomUUID();
  const beat = async () => {
    await db.run(sql`
      with gone as (delete from process where seen_at < now() - interval '1 hour')
      insert into process (id, role, host, pid, version, key_ids)
      values (${id}, ${facts.role}, ${hostname()}, ${process.pid}, ${facts.version}, ${[...facts.keyIds]}::text[])
      on conflict (id) do update set seen_at = now()`);
  };
  let beating = beat().catch(() => undefined);
  const timer = setInterval(() => {
    beating = beating.then(beat).catch(() => undefined);
  }, beatMs);
  return {
    async close() {
      clearInterval(timer);
      const gone = beating
        .then(() => db.run(sql`delete from process where id = ${id}`))
        .catch(() => undefined);
      await Promise.race([gone, pause(farewellMs)]); // Postgres may be away
    },
  };
}

/** The processes that were seen within the last 15 seconds, the oldest first: who stopped without a word is in it for as long. */
export async function runningProcesses(db: Queryable): Promise<ProcessRecord[]> {
  return await db.rows<ProcessRecord & { [column: string]: unknown }>(sql`
    select id, role, host, pid, version, key_ids as "keyIds", started_at as "startedAt", seen_at as "seenAt"
    from process where seen_at > now() - interval '15 seconds' order by started_at, id`);
}
