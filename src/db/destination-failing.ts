import { isFailing, type RecentDeliveries } from '../core/failing.ts';
import type { Database } from './database.ts';
import { sql, type Queryable, type Statement } from './sql.ts';

/** By so much of the past a destination is judged; minutes. */
const judgedMinutes = 10;

type Judged = RecentDeliveries & { readonly destinationId: string; readonly was: boolean };

/**
 * Tells of destinations that take events and yet fail at a good part of them, and of those that do so no more, once over all
 * processes. One that is held is down, and judged when it is not.
 */
export async function tellOfFailing(db: Database): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.rows(sql`select pg_advisory_xact_lock(hashtextextended('operator events', 0))`);
    for (const judged of await judgedNow(tx)) {
      const failing = isFailing(judged.was, judged);
      if (failing !== judged.was) await tell(tx, judged, failing);
    }
  });
}

async function tell(tx: Queryable, judged: Judged, failing: boolean): Promise<void> {
  const { destinationId, failed, delivered } = judged;
  const reason = failing ? await commonFailure(tx, destinationId) : 'failing';
  await tx.run(sql`
    insert into destination_alert (destination_id, failing) values (${destinationId}, ${failing})
    on conflict (destination_id) do update set failing = excluded.failing`);
  await tx.run(sql`
    insert into operator_event (type, destination_id, data)
    values (${failing ? 'destination.failing' : 'destination.recovered'}, ${destinationId},
      ${JSON.stringify({ reason, failed, delivered })}::jsonb)`);
}

/**
 * What the lanes of each destination have counted since then. A lane's history has a row for each minute in which something
 * changed, so the last one of before tells how it stood. Summed up over its runs: what waits is handed from one to the next.
 */
async function judgedNow(tx: Queryable): Promise<Judged[]> {
  const events = (counts: Statement, bucket: Statement) =>
    sql`coalesce((${counts} -> 'events' ->> ${bucket})::bigint, 0)`;
  const now = (bucket: Statement) => sql`${events(sql`l.counts`, bucket)} + ${events(sql`l.ahead`, bucket)}`;
  const grown = (bucket: Statement) =>
    sql`${now(bucket)} - ${events(sql`h.counts`, bucket)} - ${events(sql`h.ahead`, bucket)}`;
  const [dead, waiting, delivered] = [sql`'dead'`, sql`'waiting'`, sql`'delivered'`];
  return await tx.rows<Judged>(sql`
    select r.destination_id as "destinationId", coalesce(bool_or(a.failing), false) as was,
      (greatest(0, sum(${grown(dead)})) + greatest(0, sum(${grown(waiting)})))::bigint as failed,
      greatest(0, sum(${grown(delivered)}))::bigint as delivered
    from run r join lane l on l.run_id = r.id
      left join destination_alert a on a.destination_id = r.destination_id
      left join lateral (select counts, ahead from lane_history h
        where h.run_id = l.run_id and h.lane = l.lane
          and h.minute < clock_timestamp() - ${judgedMinutes}::integer * interval '1 minute'
        order by h.minute desc limit 1) h on true
    where (r.ended_at is null or r.ended_at > clock_timestamp() - ${judgedMinutes}::integer * interval '1 minute')
      and not coalesce(a.down or a.differs_since is not null, false)
    group by r.destination_id`);
}

/** The kind of failure that most letters of lately died of, else null. */
async function commonFailure(tx: Queryable, destinationId: string): Promise<string | null> {
  const [common] = await tx.rows<{ errorClass: string }>(sql`
    select error_class as "errorClass" from dead_letter
    where destination_id = ${destinationId}
      and died_at > clock_timestamp() - ${judgedMinutes}::integer * interval '1 minute'
    group by error_class order by count(*) desc, error_class limit 1`);
  return common?.errorClass ?? null;
}
