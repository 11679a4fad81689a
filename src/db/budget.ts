import { sql, type Queryable } from './sql.ts';

/** A stretch of time that belongs to its taker, as offsets from the moment at which the answer arrived. */
export interface TakenAllowance {
  readonly startsInMs: number;
  readonly lengthMs: number;
}

/** What takers may be ahead of the stretches that they hold and those that they have fetched early. Milliseconds. */
const slackMs = 1_000;

/**
 * Takes the next stretch of a pace that several lanes share: a GCRA row in Postgres time. Stretches follow each other
 * without overlap; time that nobody took is lost. A time further ahead than all takers together can be is an error of
 * some clock, or left from a slower pace, and is reset.
 * @param takers how many share the pace
 */
export async function takeAllowance(
  db: Queryable,
  scope: string,
  lengthMs: number,
  takers: number,
): Promise<TakenAllowance> {
  const tooFarAheadMs = 2 * takers * lengthMs + slackMs;
  const length = sql`(${lengthMs}::float8 * interval '1 ms')`;
  const [row] = await db.rows<{ startsInMs: number }>(sql`
    insert into budget as b (scope, next_at) values (${scope}, clock_timestamp() + ${length})
    on conflict (scope) do update set next_at = ${length} + case
      when b.next_at > clock_timestamp() + ${tooFarAheadMs}::float8 * interval '1 ms' then clock_timestamp()
      else greatest(b.next_at, clock_timestamp()) end
    returning extract(epoch from (next_at - ${length} - clock_timestamp()))::float8 * 1000 as "startsInMs"`);
  return { startsInMs: Math.max(0, row!.startsInMs), lengthMs };
}
