import { buckets, sumCounts, type Bucket } from '../core/counts.ts';
import { mergeSamples } from '../core/samples.ts';
import { deadLetterClasses } from '../db/dead-letters.ts';
import { countChanges, type Change, type Interval } from '../db/lane-history.ts';
import { leftOutBySources, type LeftOut } from '../db/left-out.ts';
import { readRuns, type RunRecord } from '../db/runs.ts';
import { sql } from '../db/sql.ts';
import type { ApiDeps } from './deps.ts';
import type { ShownOverview } from './schemas/delivery-overview.ts';
import { nonZero, showFailureClass, showSeries } from './schemas/counted.ts';

type Part = ShownOverview['stream'];
type Kind = RunRecord['kind'];
export interface OverviewPeriod {
  readonly from: Date;
  readonly to: Date;
  readonly interval: Interval;
}

const mostClasses = 50;
/** Runs whose samples are looked at, the newest first. */
const mostRuns = 100;
/** From what never left to what arrived. */
const order: readonly Bucket[] = [
  'filtered',
  'tooOld',
  'superseded',
  'invalid',
  'suppressed',
  'alreadyDelivered',
  'waiting',
  'dead',
  'unconfirmable',
  'delivered',
];
if (new Set(order).size !== buckets.length) throw new Error('the pipeline does not show every bucket');

/** What became of the events of one destination over a period, its stream and its replays apart. */
export async function overviewOf(
  { db }: Pick<ApiDeps, 'db'>,
  destinationId: string,
  period: OverviewPeriod,
): Promise<ShownOverview> {
  const { from, to, interval } = period;
  const [changes, leftOut, runs] = await Promise.all([
    countChanges(db, sql`r.destination_id = ${destinationId}`, period),
    leftOutBySources(db, destinationId, period),
    readRuns(
      db,
      sql`r.destination_id = ${destinationId} and r.created_at < ${to}
        and (r.ended_at is null or r.ended_at >= ${from})`,
      mostRuns,
    ),
  ]);
  const partOf = async (kind: Kind): Promise<Part> => {
    const asked = { destinationId, diedIn: kind, diedFrom: from, diedTo: to };
    return {
      ...countedPart(
        changes.filter((change) => change.kind === kind),
        runs.filter((run) => run.kind === kind),
        leftOut[kind],
      ),
      failures: (await deadLetterClasses(db, asked, mostClasses)).map(showFailureClass),
    };
  };
  const [stream, replays] = await Promise.all([partOf('stream'), partOf('replay')]);
  return {
    destinationId,
    from: from.toISOString(),
    to: to.toISOString(),
    interval,
    stream,
    replays,
  };
}

function countedPart(
  changes: readonly Change[],
  runs: readonly RunRecord[],
  leftOut: LeftOut,
): Omit<Part, 'failures'> {
  const sum = sumCounts(changes.map(({ change }) => change));
  const waiting = runs.flatMap(({ lanes }) => lanes.map((lane) => lane.counts.events.waiting ?? 0));
  const counts: Record<string, number> = {
    ...sum.events,
    waiting: waiting.reduce((total, count) => total + count, 0),
  };
  const steps = order.map((step) => ({ step, count: counts[step] ?? 0 }));
  const ended = steps.filter(({ step }) => step !== 'waiting');
  const decided = ended.reduce((total, { count }) => total + count, 0);
  const samples = mergeSamples(runs.flatMap(({ lanes }) => lanes.map((lane) => lane.samples)));
  return {
    steps: [{ step: 'leftOut', count: leftOut.count }, { step: 'decided', count: decided }, ...steps],
    leftOut: { reasons: nonZero({ sources: leftOut.count }), exact: leftOut.exact },
    byAction: Object.fromEntries(
      Object.entries(sum.byAction).map(([id, part]) => [id, nonZero(part)] as const),
    ),
    reasons: nonZero(sum.reasons),
    samples,
    series: showSeries(changes),
  };
}
