import type { Database } from '../src/db/database.ts';
import { sql } from '../src/db/sql.ts';

/** Ids of the sources of the archive that is searched, the busiest first. */
export const sourceIds = Array.from(
  { length: 6 },
  (_, number) => `00000000-0000-4000-8000-00000000000${number + 1}`,
);

/** Days that the live events are spread over. */
export const days = 100;

const block = 250_000;

/**
 * Fills an empty archive past the append, which would take ten times as long, with rows as it writes them: 500,000
 * users of whom few are busy (half of the events have both ids, a fifth only an anonymousId), 2,040 names of track
 * calls and 1,000 of pages, six sources from 70 % to 0.1 %, events received over a hundred days by several processes,
 * a tenth of them history that an import brought in between with times of its own; each is known to the removal of
 * duplicates. Plain texts of about 600 bytes.
 */
export async function fillArchive(db: Database, events: number): Promise<void> {
  for (const [index, id] of sourceIds.entries())
    await db.run(sql`insert into source (id, name) values (${id}, ${`Source ${index}`})`);
  await db.rows(sql`select archive_ensure_partitions(1, ${events})`);
  const starts = Array.from({ length: Math.ceil(events / block) }, (_, index) => index * block + 1);
  const work = async () => {
    for (let from = starts.shift(); from !== undefined; from = starts.shift())
      await fillBlock(db, { from, to: Math.min(events, from + block - 1), events });
  };
  await Promise.all([work(), work()]);
  await db.rows(sql`select setval('event_position', ${events})`);
}

async function fillBlock(db: Database, block: { from: number; to: number; events: number }): Promise<void> {
  const { from, to, events } = block;
  await db.transaction(async (tx) => {
    await tx.rows(sql`select set_config('synchronous_commit', 'off', true)`);
    await tx.run(sql`
      insert into event
      select n, received, received - interval '120 ms',
        received - interval '200 ms' - case when r_late < 0.05 then interval '3 days' * r_late * 20 else interval '0' end,
        (${sourceIds}::uuid[])[case when r_source < 0.7 then 1 when r_source < 0.85 then 2 when r_source < 0.93 then 3
          when r_source < 0.98 then 4 when r_source < 0.999 then 5 else 6 end],
        case when imported then 'import' else 'tracking_api' end, type,
        case type
          when 'track' then case when r_name < 0.97
            then 'Feature ' || floor(40 * power(r_pick, 2))::int else 'Rare ' || floor(2000 * r_pick)::int end
          when 'page' then 'Page ' || floor(1000 * power(r_pick, 2))::int
          when 'screen' then 'Screen ' || floor(50 * r_pick)::int end,
        case when r_ids < 0.8 then 'user-' || person end,
        case when r_ids > 0.3 then md5('a' || person)::uuid::text end,
        md5('m' || n)::uuid::text, person % 1024, not imported, null,
        '{"type":"' || type || '","userId":"user-' || person || '","messageId":"' || md5('m' || n)::uuid
          || '","context":{"library":{"name":"analytics.js","version":"next-1.81.0"},"ip":"192.0.2.7"},"properties":{"path":"/shop/'
          || n || '","filler":"' || repeat('x', 360) || '"}}',
        '[]'
      from (
        select n, r_source, r_name, r_pick, r_ids, r_late,
          floor(500000 * power(r_person, 3))::int as person,
          n % ${events}::bigint between ${Math.round(events * 0.4)} and ${Math.round(events / 2)} as imported,
          (case when r_type < 0.6 then 'track' when r_type < 0.85 then 'page' when r_type < 0.94 then 'identify'
            when r_type < 0.98 then 'screen' when r_type < 0.995 then 'group' else 'alias' end) as type,
          case when n % ${events}::bigint between ${Math.round(events * 0.4)} and ${Math.round(events / 2)}
            then now() - interval '3 years' + interval '1 day' * (365 * r_received)
            else now() - interval '1 day' * (${days}::float * (1 - n::float / ${events}))
              - interval '1 second' * (2 * r_received) end as received
        from (
          select n, random() as r_source, random() as r_name, random() as r_pick, random() as r_ids,
            random() as r_late, random() as r_person, random() as r_type, random() as r_received
          from generate_series(${from}::bigint, ${to}::bigint) n
        ) drawn
      ) made`);
    await tx.run(sql`
      insert into event_identity (key, body, position, received_at)
      select md5('k' || n)::uuid, md5('b' || n)::uuid, n, now() from generate_series(${from}::bigint, ${to}::bigint) n`);
  });
}
