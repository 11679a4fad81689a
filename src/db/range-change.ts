import { chunkOf, chunkPositions } from '../core/coverage.ts';
import type { Position } from '../core/event.ts';
import type { ReplayRange, ReplayRequest } from '../core/replay-request.ts';
import { selectionOfRequest } from '../core/replay-selection.ts';
import type { Selection } from '../core/selection.ts';
import { selectionSql } from './archive/selection-sql.ts';
import { dropUnselected } from './drop-waiting.ts';
import { dropIdentifies } from './replay-identifies.ts';
import { reachOf } from './replay-reach.ts';
import type { RunRecord } from './runs.ts';
import { sql, type Queryable } from './sql.ts';

/** So many positions are looked through within a second. */
const lookedThrough = 1_000_000;

/**
 * Gives a replay another range once nobody seems to hold a lane of it any more, in the caller's transaction, which holds the
 * run's row. `request` has the new range already. The end is cut where the stream owns now. By positions it never lies
 * below what has been settled. By times the events that lie between the old end and the new one may lie anywhere: if a
 * lane may have passed one, all read their range again from its start, which sends nothing twice and counts what is
 * selected now; what waits and is not selected any more is dropped. Another begin is found in the same way, by whatever it is
 * measured.
 */
export async function applyRange(tx: Queryable, run: RunRecord): Promise<void> {
  // Fences whoever still believes that he holds a lane; what he was writing is done by then. He may send until his lease is
  // over, whatever the wall clock says of it, so one that was not given back is not free: a taker sees it stand still.
  const lanes = await tx.rows<{ mark: Position }>(sql`
    update lane set lease_token = null where run_id = ${run.id} returning mark`);
  const marks = lanes.map(({ mark }) => mark);
  const request = run.request as unknown as ReplayRequest;
  const old = await selectionOf(tx, run.id);
  const selection = withEndsOf(old, request.range);
  const reach = await reachOf(tx, request, { sources: null, filter: null });
  const byPosition = request.range.by === 'position';
  const to = byPosition ? Math.max(reach.to, await settledTo(tx, run, marks)) : reach.to;
  const { from } = reach;
  // What was superseded may be the last of its user now.
  const latest = request.profiles === 'latest';
  if (latest) await dropIdentifies(tx, run.id);
  const moved = latest || from !== run.fromPosition || beginOf(old) !== beginOf(selection);
  const recount = moved || !byPosition || to < run.toPosition!;
  await tx.run(sql`
    update run set change = null, revision = revision + 1, request = ${JSON.stringify(settledRequest(request, to))}::jsonb, to_position = ${to}, cut_to_stream = ${reach.cutToStream},
      selection = ${JSON.stringify(selection)}::jsonb, from_position = ${from},
      selected = case when ${recount}::boolean then 0 else selected end,
      counted_to = case when ${recount}::boolean then ${from - 1} else counted_to end
    where id = ${run.id}`);
  if (moved || !byPosition) await dropUnselected(tx, run.id, selection, sql`w.position < ${from}`);
  if (moved || (!byPosition && (await mayHavePassed(tx, run, Math.max(...marks), [old, selection])))) {
    await tx.run(sql`
      update lane set mark = ${from - 1}, counts = '{}', ahead = '{}', read_to = 0 where run_id = ${run.id}`);
  }
  // What is settled above a mark may lie outside now: it is counted again when the lane is read.
  const shorter = !byPosition && endsEarlier(selection, old);
  await tx.run(sql`
    update lane set ahead = case when ${shorter}::boolean or read_to > ${to} then '{}' else ahead end,
      read_to = least(read_to, ${to})
    where run_id = ${run.id}`);
  await tx.run(sql`
    update lane set state = 'ready', wake_at = null
    where run_id = ${run.id} and mark < ${to} and state in ('done', 'waiting')`);
}

/** A request whose end, by positions, lies at what is settled already where it asked for less: nobody can have less. */
function settledRequest(request: ReplayRequest, to: Position): ReplayRequest {
  const { range } = request;
  if (range.by !== 'position' || range.to === undefined || range.to >= to) return request;
  return { ...request, range: { ...range, to } };
}

async function selectionOf(tx: Queryable, runId: string): Promise<Selection> {
  const [row] = await tx.rows<{ selection: Selection }>(sql`select selection from run where id = ${runId}`);
  return row!.selection;
}

/** Whether a selection ends at an earlier time than another; one without an end is later than all. */
function endsEarlier(one: Selection, other: Selection): boolean {
  const endOf = ({ receivedTo, timestampTo }: Selection) => {
    const end = receivedTo ?? timestampTo;
    return end === undefined ? Infinity : Date.parse(end);
  };
  return endOf(one) < endOf(other);
}

/** Since when a selection takes events. */
function beginOf({ receivedFrom, timestampFrom }: Selection): string | undefined {
  return receivedFrom ?? timestampFrom;
}

/** A selection with the ends of another range; positions are no part of it. */
function withEndsOf(selection: Selection, range: ReplayRange): Selection {
  const { receivedFrom: _, receivedTo: __, timestampFrom: ___, timestampTo: ____, ...rest } = selection;
  return { ...rest, ...selectionOfRequest({ range }) };
}

/** The last position of a run that is settled, waits or has been looked at. Uses coverage's primary key. */
async function settledTo(tx: Queryable, run: RunRecord, marks: readonly Position[]): Promise<Position> {
  const actions = run.actions.map(({ actionId }) => actionId);
  const [row] = await tx.rows<{ last: Position | null }>(sql`
    select greatest(
      (select max(chunk * ${chunkPositions} + length(rtrim(bits::text, '0')) - 1) from coverage
        where action_id = any(${actions}::uuid[]) and chunk >= ${chunkOf(Math.min(...marks))} and run = ${run.number}),
      (select max(position) from waiting_delivery where run_id = ${run.id}),
      (select max(position) from dead_letter where run_id = ${run.id})) as last`);
  return Math.max(...marks, row?.last ?? 0);
}

/**
 * Whether an event up to a position may lie between the ends of two selections, so that one takes it and one does not.
 * The answer is waited for under the lock of the run's row, so it is exact only where it is cheap. Times of events
 * follow no order of positions: there nobody looks, and what has been read counts as passed.
 */
async function mayHavePassed(
  tx: Queryable,
  run: RunRecord,
  upTo: Position,
  selections: readonly Selection[],
): Promise<boolean> {
  if (upTo < run.fromPosition) return false;
  if (between(selections.map(({ timestampTo }) => timestampTo)) !== null) return true;
  const received = between(selections.map(({ receivedTo }) => receivedTo));
  if (received === null) return false;
  if (upTo - run.fromPosition >= lookedThrough) return true;
  const [receivedFrom, receivedTo] = received;
  const stretch: Selection = { receivedFrom, ...(receivedTo !== undefined && { receivedTo }) };
  const [row] = await tx.rows<{ found: boolean }>(sql`
    select exists (select 1 from event e where e.position between ${run.fromPosition} and ${upTo}
      and ${selectionSql(stretch)}) as found`);
  return row!.found;
}

/** The earlier and the later of two ends, null when they are the same; an absent end is later than all. */
function between(ends: readonly (string | undefined)[]): readonly [string, string | undefined] | null {
  const times = ends
    .filter((end) => end !== undefined)
    .toSorted((left, right) => Date.parse(left) - Date.parse(right));
  const [first, second] = times;
  if (first === undefined || first === second) return null;
  return [first, second];
}
