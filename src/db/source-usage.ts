import type { Sdk } from '../core/sdk.ts';
import { textArray, timeArray, uuidArray } from './archive/binary-array.ts';
import { uuidHex } from './archive/identity.ts';
import { lookUpText } from './archive/look-up-text.ts';
import { sql, type Queryable, type Statement } from './sql.ts';

/** Of how many client libraries a source shows when it last saw them. */
export const maxSdks = 50;

/** What one process counted of a source since it last wrote. */
export interface CountedUsage {
  readonly sourceId: string;
  readonly lastSeenAt: Date;
  readonly received: number;
  readonly rejected: number;
  readonly sdks: readonly (Sdk & { readonly lastSeenAt: Date })[];
  /** When events of it came of which the append may have kept some apart: those are counted by what it kept. */
  readonly doubted: readonly Date[];
}

/** Adds to what is known of sources, in one statement; processes that do so at once wait for each other in order. */
export async function addSourceUsage(db: Queryable, counted: readonly CountedUsage[]): Promise<void> {
  const usages = counted.toSorted((left, right) => (left.sourceId < right.sourceId ? -1 : 1));
  const sdks = usages.flatMap((usage) => usage.sdks.map((sdk) => ({ ...sdk, sourceId: usage.sourceId })));
  const doubted = usages.flatMap(({ sourceId, doubted: times }) => times.map((at) => ({ sourceId, at })));
  await db.run(sql`
    with seen as (
      insert into source_seen
      select * from unnest(${ids(usages)}::uuid[], ${timeArray(usages.map((usage) => usage.lastSeenAt))}::timestamptz[])
      on conflict (source_id) do update
        set last_seen_at = greatest(source_seen.last_seen_at, excluded.last_seen_at)
    ), sdks as (
      insert into source_sdk
      select source_id, name, version, max(at) from unnest(${ids(sdks)}::uuid[],
        ${textArray(sdks.map((sdk) => lookUpText(sdk.name)))}::text[],
        ${textArray(sdks.map((sdk) => lookUpText(sdk.version)))}::text[],
        ${timeArray(sdks.map((sdk) => sdk.lastSeenAt))}::timestamptz[]) as s (source_id, name, version, at)
      group by 1, 2, 3 order by 1, 2, 3
      on conflict (source_id, name, version) do update
        set last_seen_at = greatest(source_sdk.last_seen_at, excluded.last_seen_at)
    ), kept_apart as (
      select r.source_id, count(*) as events from rejected_event r
      join (select distinct * from unnest(${ids(doubted)}::uuid[],
        ${timeArray(doubted.map(({ at }) => at))}::timestamptz[])) as d (source_id, received_at)
        using (source_id, received_at)
      where r.code in ('message_id_reused', 'not_storable') group by 1
    )
    insert into source_minute
    select u.source_id, date_trunc('minute', now()), u.received, u.rejected + coalesce(k.events, 0)
    from unnest(${ids(usages)}::uuid[], ${usages.map((usage) => usage.received)}::bigint[],
      ${usages.map((usage) => usage.rejected)}::bigint[]) as u (source_id, received, rejected)
    left join kept_apart k using (source_id)
    where u.received > 0 order by 1
    on conflict (source_id, minute) do update
      set received = source_minute.received + excluded.received,
        rejected = source_minute.rejected + excluded.rejected`);
}

function ids(rows: readonly { readonly sourceId: string }[]): Buffer {
  return uuidArray(rows.map(({ sourceId }) => uuidHex(sourceId)));
}

/** What a source sent lately, as columns of a query over `source`, aliased `s`. */
export const usageColumns: Statement = sql`
  (select last_seen_at from source_seen u where u.source_id = s.id) as "lastSeenAt",
  (select coalesce(json_agg(json_build_object('name', name, 'version', version, 'lastSeenAt', last_seen_at)
      order by last_seen_at desc, name, version), '[]')
    from (select name, version, last_seen_at from source_sdk k where k.source_id = s.id
      order by last_seen_at desc, name, version limit ${maxSdks}) newest) as sdks,
  (select json_build_object('received', coalesce(sum(received), 0), 'rejected', coalesce(sum(rejected), 0))
    from source_minute m where m.source_id = s.id and m.minute > now() - interval '1 hour') as "lastHour"`;

/** Forgets the minutes that no rate counts any more, and the client libraries beyond those that are shown. */
export async function forgetOldUsage(db: Queryable): Promise<void> {
  await db.run(sql`delete from source_minute where minute < now() - interval '2 hours'`);
  await db.run(sql`
    delete from source_sdk k using (
      select source_id, name, version, last_seen_at, row_number() over (
        partition by source_id order by last_seen_at desc, name, version) as place from source_sdk) ranked
    where (k.source_id, k.name, k.version) = (ranked.source_id, ranked.name, ranked.version)
      and k.last_seen_at = ranked.last_seen_at and place > ${maxSdks}`);
}
