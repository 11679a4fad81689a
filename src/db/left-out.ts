import { isDecidedInCode } from '../core/event-filters.ts';
import type { Position } from '../core/event.ts';
import type { Selection } from '../core/selection.ts';
import { selectionSql } from './archive/selection-sql.ts';
import { hullOf, type Span } from './search/stretches.ts';
import { join, sql, type Queryable, type Statement } from './sql.ts';

/** How many events runs have passed over because their destination does not take their sources. */
export interface LeftOut {
  readonly count: number;
  /** false: estimated, by looking at samples of a long range, or as only the events themselves would tell. */
  readonly exact: boolean;
}

/** What a run has passed of the archive, and of which sources it takes events. */
interface Passed {
  readonly kind: 'stream' | 'replay';
  readonly low: Position;
  readonly high: Position;
  readonly selection: Selection & { readonly sources: readonly string[] };
  /** The sources that a replay asks for; null: all. */
  readonly asked: readonly string[] | null;
}

type Kind = Passed['kind'];

/** Runs that are looked at, the newest first. */
const mostRuns = 20;
/** Positions that are looked at in all: a fraction of a second. */
const mostPositions = 100_000;
/** Of a range that is too long so many stretches are looked at, as far from each other as they can be. */
const samples = 16;

/**
 * What a destination's sources kept from its stream and its replays: no run reads it, so it is counted here. Of the
 * stream by when the archive took the events in; of replays that fall into the period all that they have passed.
 * @param period from, inclusive, to, exclusive
 */
export async function leftOutBySources(
  db: Queryable,
  destinationId: string,
  { from, to }: { readonly from: Date; readonly to: Date },
  positions = mostPositions,
): Promise<Readonly<Record<Kind, LeftOut>>> {
  const runs = await readPassed(db, destinationId, { from, to });
  const sums = { stream: { count: 0, exact: true }, replay: { count: 0, exact: true } };
  for (const run of runs) {
    const { count, exact } = await leftOutOf(db, run, { from, to, positions: positions / runs.length });
    const sum = sums[run.kind];
    sum.count += count;
    sum.exact &&= exact;
  }
  if (runs.length === mostRuns) for (const sum of Object.values(sums)) sum.exact = false;
  return sums;
}

/** Runs that fall into a period and take some sources only. What retries dead letters takes those, whatever their source. */
async function readPassed(
  db: Queryable,
  destinationId: string,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<Passed[]> {
  return await db.rows<Passed & Record<string, unknown>>(sql`
    select r.kind, r.from_position as low, min(least(l.mark, coalesce(r.to_position, l.mark))) as high, r.selection,
      r.request -> 'filter' -> 'sources' as asked
    from run r join lane l on l.run_id = r.id
    where r.destination_id = ${destinationId} and r.selection ? 'sources' and not r.selection ? 'retriedBy'
      and r.desired <> 'planned' and r.created_at < ${to} and (r.ended_at is null or r.ended_at >= ${from})
    group by r.id order by r.number desc limit ${mostRuns}`);
}

async function leftOutOf(
  db: Queryable,
  { kind, low, high, selection, asked }: Passed,
  { from, to, positions }: { readonly from: Date; readonly to: Date; readonly positions: number },
): Promise<LeftOut> {
  const { sources, ...others } = selection;
  const received =
    kind === 'stream' ? { receivedFrom: from.toISOString(), receivedTo: to.toISOString() } : {};
  const meant = { ...others, ...received };
  const span = high < low ? null : await hullOf(db, { low, high }, meant);
  if (span === null) return { count: 0, exact: true };
  const isLeftOut = join(
    [
      selectionSql(meant),
      sql`not (e.source_id = any(${sources}::uuid[]))`,
      ...(asked === null ? [] : [sql`e.source_id = any(${asked}::uuid[])`]),
    ],
    sql` and `,
  );
  const exact = !isDecidedInCode(selection);
  const length = span.high - span.low + 1;
  if (length <= positions) return { count: await countIn(db, [span], isLeftOut), exact };
  const looked = samplesOf(span, Math.max(1, Math.floor(positions / samples)));
  const seen = looked.reduce((sum, one) => sum + one.high - one.low + 1, 0);
  return { count: Math.round(((await countIn(db, looked, isLeftOut)) * length) / seen), exact: false };
}

/** Stretches of this length, spread over a span that is longer than all of them. */
function samplesOf({ low, high }: Span, length: number): Span[] {
  const step = (high - low + 1) / samples;
  return Array.from({ length: samples }, (_, index) => {
    const first = Math.floor(low + index * step);
    return { low: first, high: Math.min(high, first + length - 1) };
  });
}

async function countIn(db: Queryable, spans: readonly Span[], condition: Statement): Promise<number> {
  const [row] = await db.rows<{ count: number }>(sql`
    select sum(part.count)::bigint as count
    from unnest(${spans.map(({ low }) => low)}::bigint[], ${spans.map(({ high }) => high)}::bigint[]) as looked (low, high)
    cross join lateral (
      select count(*) from event e where e.position between looked.low and looked.high and ${condition}) part`);
  return row!.count;
}
