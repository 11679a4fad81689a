import type { Origin } from '../core/event.ts';
import type { Sdk } from '../core/sdk.ts';
import { atMicroseconds, microsecondsOf } from './instant.ts';
import { usageColumns } from './source-usage.ts';
import { sql, type Queryable, type Statement } from './sql.ts';

/** A write key of a source; a rotation gives the old one an end. */
export interface WriteKeyRecord {
  readonly key: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
}

/** What becomes of new events of suppressed users: archived and sent to nobody, or refused. */
export type SuppressedUsers = 'archive' | 'refuse';

/** Who sends events. */
export interface SourceRecord {
  readonly id: string;
  readonly name: string;
  readonly origin: Origin;
  readonly createdAt: Date;
  /** Since when nothing is taken from it, null: it is not blocked. */
  readonly blockedAt: Date | null;
  /** How many events are taken from it, null: any number. */
  readonly eventsPerSecond: number | null;
  readonly suppressedUsers: SuppressedUsers;
  /** How large an event of it may be, null: as large as any. */
  readonly maxEventBytes: number | null;
  /** Those that are accepted now, newest first. */
  readonly writeKeys: readonly WriteKeyRecord[];
  /** Null: it never sent anything. */
  readonly lastSeenAt: Date | null;
  /** The client libraries that it sent with, those that it used last first. */
  readonly sdks: readonly (Sdk & { readonly lastSeenAt: Date })[];
  /** How many events came in the last hour, and how many of them were rejected. */
  readonly lastHour: { readonly received: number; readonly rejected: number };
}

type SourceRow = Omit<SourceRecord, 'writeKeys' | 'sdks'> & {
  sdks: (Sdk & { lastSeenAt: string })[];
  writeKeys: { key: string; createdAt: string; expiresAt: string | null }[];
  createdMicroseconds: number;
};

/** Writes a new source with its first write key. */
export async function createSource(
  tx: Queryable,
  source: { id: string; name: string; writeKey: string; suppressedUsers: SuppressedUsers },
): Promise<SourceRecord> {
  const { id, name, suppressedUsers } = source;
  await tx.run(sql`
    insert into source (id, name, suppressed_users) values (${id}, ${name}, ${suppressedUsers})`);
  await tx.run(sql`insert into write_key (key, source_id) values (${source.writeKey}, ${id})`);
  return (await getSource(tx, id))!;
}

/** One source, null when there is none or it was deleted. */
export async function getSource(db: Queryable, id: string): Promise<SourceRecord | null> {
  return (await readSources(db, sql`s.id = ${id}`, 1))[0] ?? null;
}

/** Where a page of sources ended: creation time in microseconds since the epoch, and id. */
export type SourcePlace = readonly [createdMicroseconds: number, id: string];

/** Sources, newest first. @param params.after where the page before ended */
export async function listSources(
  db: Queryable,
  params: { blocked?: boolean; after?: SourcePlace; limit: number },
): Promise<(SourceRecord & { place: SourcePlace })[]> {
  const { after, blocked = null } = params;
  const place =
    after === undefined
      ? sql`true`
      : sql`(s.created_at, s.id) < (${atMicroseconds(after[0])}, ${after[1]}::uuid)`;
  const where = sql`${place} and (${blocked}::boolean is null or (s.blocked_at is not null) = ${blocked})`;
  return await readSources(db, where, params.limit);
}

/** Changes what is given of a source; null when there is none. One that is blocked twice stays so since the first time. */
export async function changeSource(
  db: Queryable,
  id: string,
  {
    name,
    blocked,
    eventsPerSecond,
    suppressedUsers,
    maxEventBytes,
  }: {
    readonly name?: string | undefined;
    readonly blocked?: boolean | undefined;
    /** Null: any number. */
    readonly eventsPerSecond?: number | null | undefined;
    readonly suppressedUsers?: SuppressedUsers | undefined;
    /** Null: as large as any. */
    readonly maxEventBytes?: number | null | undefined;
  },
): Promise<SourceRecord | null> {
  const limits = eventsPerSecond !== undefined; // what was sent too fast under the old limit is forgotten
  await db.run(sql`
    update source set name = coalesce(${name ?? null}, name),
      suppressed_users = coalesce(${suppressedUsers ?? null}, suppressed_users), blocked_at = case ${blocked ?? null}::boolean
      when true then coalesce(blocked_at, now()) when false then null else blocked_at end,
      events_per_second = case when ${limits} then ${eventsPerSecond ?? null} else events_per_second end,
      next_event_at = case when not ${limits} then next_event_at end,
      max_event_bytes = case when ${maxEventBytes !== undefined} then ${maxEventBytes ?? null} else max_event_bytes end
    where id = ${id} and deleted_at is null`);
  return await getSource(db, id);
}

/** Whether a source refuses events of suppressed users now. */
export async function refusesSuppressed(db: Queryable, id: string): Promise<boolean> {
  const rows = await db.rows(sql`select 1 from source where id = ${id} and suppressed_users = 'refuse'`);
  return rows.length > 0;
}

/**
 * Deletes a source: its keys stop being accepted at once, its events stay in the archive.
 * @returns false when there is none
 */
export async function deleteSource(tx: Queryable, id: string): Promise<boolean> {
  const deleted = await tx.run(
    sql`update source set deleted_at = now() where id = ${id} and deleted_at is null`,
  );
  if (deleted === 0) return false;
  await expireKeys(tx, id, 0);
  return true;
}

/**
 * Gives a source a new write key. The keys before it are accepted for `overlapSeconds` more, so that senders can
 * change over one by one; a key that ends sooner keeps its end.
 * @returns null when there is no such source
 */
export async function rotateWriteKey(
  tx: Queryable,
  params: { sourceId: string; writeKey: string; overlapSeconds: number },
): Promise<SourceRecord | null> {
  const [source] = await tx.rows(sql`
    select 1 from source where id = ${params.sourceId} and deleted_at is null for update`);
  if (source === undefined) return null;
  await expireKeys(tx, params.sourceId, params.overlapSeconds);
  await tx.run(sql`insert into write_key (key, source_id) values (${params.writeKey}, ${params.sourceId})`);
  return await getSource(tx, params.sourceId);
}

/** Which of these ids are no sources. @param also deleted ones count as none; or only what never was one */
export async function missingSources(
  db: Queryable,
  ids: readonly string[],
  also: 'deleted' | 'never',
): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await db.rows<{ id: string }>(sql`
    select id from unnest(${[...ids]}::uuid[]) as asked (id)
    where not exists (select 1 from source s where s.id = asked.id and (s.deleted_at is null or ${also === 'never'}))`);
  return rows.map((row) => row.id);
}

async function expireKeys(tx: Queryable, sourceId: string, afterSeconds: number): Promise<void> {
  await tx.run(sql`
    update write_key set expires_at = least(expires_at, now() + make_interval(secs => ${afterSeconds}::float8))
    where source_id = ${sourceId}`);
}

async function readSources(db: Queryable, where: Statement, limit: number) {
  const rows = await db.rows<SourceRow>(sql`
    select s.id, s.name, s.origin, s.created_at as "createdAt", s.blocked_at as "blockedAt",
        s.events_per_second as "eventsPerSecond", s.suppressed_users as "suppressedUsers",
        s.max_event_bytes as "maxEventBytes",
        ${microsecondsOf(sql`s.created_at`)} as "createdMicroseconds", (
        select coalesce(json_agg(json_build_object('key', k.key, 'createdAt', k.created_at, 'expiresAt', k.expires_at)
          order by k.created_at desc, k.key), '[]')
        from write_key k where k.source_id = s.id and (k.expires_at is null or k.expires_at > now())
      ) as "writeKeys",
      ${usageColumns}
    from source s where s.deleted_at is null and ${where} order by s.created_at desc, s.id desc limit ${limit}`);
  return rows.map(({ createdMicroseconds, writeKeys, sdks, ...source }) => ({
    ...source,
    sdks: sdks.map((sdk) => ({ ...sdk, lastSeenAt: new Date(sdk.lastSeenAt) })),
    place: [createdMicroseconds, source.id] as const,
    writeKeys: writeKeys.map((key) => ({
      key: key.key,
      createdAt: new Date(key.createdAt),
      expiresAt: key.expiresAt === null ? null : new Date(key.expiresAt),
    })),
  }));
}
