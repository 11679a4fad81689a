import type { Position } from '../core/event.ts';
import type { ReplayRequest } from '../core/replay-request.ts';
import { selectionOfRequest } from '../core/replay-selection.ts';
import type { Selection } from '../core/selection.ts';
import { archiveHead } from './archive/read.ts';
import { sql, type Queryable } from './sql.ts';

/** What a replay reaches: positions, both inclusive, and what it takes of them. */
export interface Reach {
  readonly from: Position;
  readonly to: Position;
  /** The range asked for goes on into what the stream owns. */
  readonly cutToStream: boolean;
  readonly selection: Selection;
}

/**
 * What a request reaches now: cut where the destination's stream owns (its lowest mark), or at the head of the archive
 * when it has no stream; and only the sources that the destination takes.
 * @param sources the destination's; null: all
 */
export async function reachOf(
  db: Queryable,
  request: ReplayRequest,
  sources: readonly string[] | null,
): Promise<Reach> {
  const owned = await endOfReplays(db, request.destinationId);
  const asked: { from?: number; to?: number } = request.range.by === 'position' ? request.range : {};
  const from = asked.from ?? 1;
  return {
    from,
    to: Math.max(from - 1, Math.min(asked.to ?? owned, owned)),
    cutToStream: asked.to !== undefined && asked.to > owned,
    selection: narrowed(selectionOfRequest(request), sources),
  };
}

/** The position that a destination's replays may reach: its stream owns what lies above. */
async function endOfReplays(db: Queryable, destinationId: string): Promise<Position> {
  const [row] = await db.rows<{ mark: number | null }>(sql`
    select min(l.mark) as mark from run r join lane l on l.run_id = r.id
    where r.destination_id = ${destinationId} and r.kind = 'stream' and r.ended_at is null`);
  return row?.mark ?? (await archiveHead(db));
}

/** A destination that takes only some sources takes only those from a replay as well. */
function narrowed(selection: Selection, sources: readonly string[] | null): Selection {
  if (sources === null) return selection;
  const asked = selection.sources ?? sources;
  return { ...selection, sources: asked.filter((source) => sources.includes(source)) };
}
