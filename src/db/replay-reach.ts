import type { Position } from '../core/event.ts';
import type { ReplayRequest } from '../core/replay-request.ts';
import { selectionOfRequest } from '../core/replay-selection.ts';
import type { Selection } from '../core/selection.ts';
import { archiveHead } from './archive/read.ts';
import { selectionSql } from './archive/selection-sql.ts';
import { holdKept, type Retention } from './retention/setting.ts';
import { sql, type Queryable, type Statement } from './sql.ts';

/** What a replay reaches: positions, both inclusive, and what it takes of them. */
export interface Reach {
  readonly from: Position;
  readonly to: Position;
  /** The range asked for goes on into what the stream owns. */
  readonly cutToStream: boolean;
  readonly selection: Selection;
  /** What was asked for and is not kept any more; null: all of it may be there. */
  readonly unreachable: Unreachable | null;
}

/** What of a range is not in the archive any more. */
export interface Unreachable {
  readonly toPosition: Position;
  /** Everything that is gone was received before it; RFC 3339. */
  readonly before: string;
}

/**
 * What a request reaches now: cut where the destination's stream owns (its lowest mark), or at the head of the archive
 * when it has no stream; and only what the destination takes.
 */
export async function reachOf(
  db: Queryable,
  request: ReplayRequest,
  takes: DestinationTakes,
): Promise<Reach> {
  const owned = await endOfReplays(db, request.destinationId);
  const kept = await holdKept(db);
  const asked: { from?: number; to?: number } = request.range.by === 'position' ? request.range : {};
  const cutToStream = await goesOn(db, request, owned);
  const from = Math.max(asked.from ?? 1, kept.keptFrom);
  return {
    from,
    to: Math.max(from - 1, Math.min(asked.to ?? owned, owned)),
    cutToStream,
    selection: narrowed(selectionOfRequest(request), takes),
    unreachable: unreachableOf(request, kept),
  };
}

/** Of so many events above what replays may reach a range by time is asked whether it takes them. */
const lookedAt = 10_000;

/** Whether a range goes on into what the stream owns: by positions by its end, else by the first events there. */
async function goesOn(db: Queryable, { range, mode }: ReplayRequest, owned: Position): Promise<boolean> {
  if (range.by === 'position' && range.to !== undefined) return range.to > owned;
  if (mode === 'failed') return false;
  const taken = selectionSql(range.to === undefined ? {} : selectionOfRequest({ range }));
  const [row] = await db.rows<{ found: boolean }>(sql`
    select exists (select 1 from (
      select * from event where position > ${owned} order by position limit ${lookedAt}) e where ${taken}) as found`);
  return row!.found;
}

/** Times of events say nothing about when they were received, so a range by them may lack something. */
function unreachableOf(
  { range, mode }: ReplayRequest,
  { keptFrom, keptSince }: Pick<Retention, 'keptFrom' | 'keptSince'>,
): Unreachable | null {
  if (keptSince === null || mode === 'failed') return null;
  if (range.by === 'position' && (range.from ?? 1) >= keptFrom) return null;
  if (range.by === 'received' && range.from !== undefined && Date.parse(range.from) >= keptSince.getTime())
    return null;
  return { toPosition: keptFrom - 1, before: keptSince.toISOString() };
}

/** The lowest mark of a destination's stream, null when it has none. */
export const streamMark = (destinationId: string): Statement => sql`(
  select min(l.mark) from run r join lane l on l.run_id = r.id
  where r.destination_id = ${destinationId} and r.kind = 'stream' and r.ended_at is null)`;

/** The position that a destination's replays may reach: its stream owns what lies above. */
async function endOfReplays(db: Queryable, destinationId: string): Promise<Position> {
  const [row] = await db.rows<{ mark: number | null }>(sql`select ${streamMark(destinationId)} as mark`);
  return row?.mark ?? (await archiveHead(db));
}

/** What a destination takes, whoever sends it. */
export interface DestinationTakes {
  /** null: all. */
  readonly sources: readonly string[] | null;
  /** FQL; null: every event. */
  readonly filter: string | null;
}

/** A selection with what the destination takes: what it does not want from its stream, no replay sends either. */
export function narrowed(selection: Selection, { sources, filter }: DestinationTakes): Selection {
  const asked = sources === null ? null : (selection.sources ?? sources);
  return {
    ...selection,
    ...(asked !== null && { sources: asked.filter((source) => sources!.includes(source)) }),
    ...(filter !== null && { filter }),
  };
}
