import { noCounts, sumCounts, type Counts } from '../core/counts.ts';
import { sql, type Queryable, type Statement } from './sql.ts';

export const intervals = ['minute', 'hour', 'day'] as const;
export type Interval = (typeof intervals)[number];

/** What changed in the counts of the runs of one kind within one interval. */
export interface Change {
  readonly kind: 'stream' | 'replay';
  /** Where the interval begins, UTC. */
  readonly at: Date;
  readonly change: Counts;
}

/** A part of time: from, inclusive, to, exclusive; null: without an end. */
export interface Period {
  readonly from: Date | null;
  readonly to: Date | null;
}

type Standing = { counts: Partial<Counts>; ahead: Partial<Counts> };
interface Row extends Standing {
  runId: string;
  lane: number;
  kind: 'stream' | 'replay';
  /** null: as it stood before the period. */
  at: Date | null;
}

/**
 * How the counts of runs changed over a period, interval by interval, oldest first; intervals without a change are left
 * out. They are the differences of what was committed, so over its whole life they add up to the counts of a run. A
 * change can be negative: what waited has ended, or is decided anew after a crash.
 * @param which a condition over `run r`
 */
export async function countChanges(
  db: Queryable,
  which: Statement,
  { from, to, interval }: Period & { interval: Interval },
): Promise<Change[]> {
  const bin = sql`date_trunc(${interval}, h.minute, 'UTC')`;
  const slot = sql`case when ${from}::timestamptz is null or h.minute >= ${from} then ${bin} end`;
  const rows = await db.rows<Row>(sql`
    select distinct on (h.run_id, h.lane, at) h.run_id as "runId", h.lane, r.kind, ${slot} as at, h.counts, h.ahead
    from run r join lane_history h on h.run_id = r.id
    where ${which} and (${to}::timestamptz is null or h.minute < ${to})
      and (${from}::timestamptz is null or r.ended_at is null or r.ended_at >= ${from}::timestamptz - interval '1 minute')
    order by h.run_id, h.lane, at nulls first, h.minute desc`);
  return added(differences(rows));
}

function differences(rows: readonly Row[]): Change[] {
  return rows.flatMap((row, index) => {
    if (row.at === null) return [];
    const before = rows[index - 1];
    const known = before?.runId === row.runId && before.lane === row.lane;
    const change = difference(countsOf(row), known ? countsOf(before) : noCounts);
    return [{ kind: row.kind, at: row.at, change }];
  });
}

function added(changes: readonly Change[]): Change[] {
  const slots = Map.groupBy(changes, ({ kind, at }) => `${kind} ${at.getTime()}`);
  const sums = [...slots.values()].map((some) => ({
    ...some[0]!,
    change: sumCounts(some.map(({ change }) => change)),
  }));
  return sums.toSorted((a, b) => a.at.getTime() - b.at.getTime());
}

function countsOf({ counts, ahead }: Standing): Counts {
  return sumCounts([
    { ...noCounts, ...counts },
    { ...noCounts, ...ahead },
  ]);
}

function difference(now: Counts, before: Counts): Counts {
  const byAction = Object.entries(before.byAction).map(([id, part]) => [id, negative(part)] as const);
  return sumCounts([
    now,
    {
      events: negative(before.events),
      reasons: negative(before.reasons),
      byAction: Object.fromEntries(byAction),
    },
  ]);
}

const negative = (part: Readonly<Partial<Record<string, number>>>): Record<string, number> =>
  Object.fromEntries(Object.entries(part).map(([key, count]) => [key, -(count ?? 0)]));

/**
 * Keeps of what is older than a week the last row of each hour of each lane.
 * @returns how many rows went
 */
export async function thinLaneHistory(db: Queryable): Promise<number> {
  return await db.run(sql`
    delete from lane_history h where h.minute < now() - interval '7 days'
      and exists (select 1 from lane_history later
        where later.run_id = h.run_id and later.lane = h.lane and later.minute > h.minute
          and later.minute < date_trunc('hour', h.minute, 'UTC') + interval '1 hour')`);
}
