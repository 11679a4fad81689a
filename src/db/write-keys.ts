import type { Origin } from '../core/event.ts';
import { sql, type Queryable } from './sql.ts';

/** The source that a write key stands for. */
export interface KeyedSource {
  readonly sourceId: string;
  readonly name: string;
  readonly origin: Origin;
  /** Nothing is taken from it. */
  readonly blocked: boolean;
  /** How many are taken from it, null: any number. */
  readonly eventsPerSecond: number | null;
  /** Events of suppressed users are refused. */
  readonly refusesSuppressed: boolean;
  /** How large an event of it may be, null: as large as any. */
  readonly maxEventBytes: number | null;
}

/** The source of a write key that is accepted now; null when it is unknown, has ended, or its source was deleted. */
export async function findWriteKey(db: Queryable, key: string): Promise<KeyedSource | null> {
  const [row] = await db.rows<KeyedSource>(sql`
    select s.id as "sourceId", s.name, s.origin, s.blocked_at is not null as blocked,
      s.events_per_second as "eventsPerSecond", s.max_event_bytes as "maxEventBytes",
      s.suppressed_users = 'refuse' as "refusesSuppressed"
    from write_key k join source s on s.id = k.source_id
    where k.key = ${key} and (k.expires_at is null or k.expires_at > now()) and s.deleted_at is null`);
  return row ?? null;
}
