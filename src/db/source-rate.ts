import { sql, type Queryable } from './sql.ts';

/** After a quiet time a source may send as much at once as in so many seconds of its rate. */
const burstSeconds = 2;

/**
 * Takes so many events of a source's rate, all or none: GCRA over a time of Postgres, so that all processes keep one
 * limit. A request that is larger than what is free is taken whole, and the next one waits for it.
 * @returns 0 when they are taken, else how long to wait; milliseconds
 */
export async function takeOfRate(db: Queryable, sourceId: string, events: number): Promise<number> {
  const [row] = await db.rows<{ waitMs: number }>(sql`
    with source_now as (
      select id, events_per_second as rate, greatest(next_event_at, clock_timestamp()) as next, clock_timestamp() as now
      from source where id = ${sourceId} and events_per_second is not null for update
    ), taken as (
      update source set next_event_at = next + make_interval(secs => ${events}::float8 / rate)
      from source_now n where source.id = n.id and n.next - n.now <= make_interval(secs => ${burstSeconds}::float8)
      returning 1
    )
    select case when exists (select 1 from taken) then 0
      else extract(epoch from next - now)::float8 * 1000 - ${burstSeconds * 1_000}::float8 end as "waitMs"
    from source_now`);
  return Math.max(0, row?.waitMs ?? 0);
}
