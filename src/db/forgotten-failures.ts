import type { Position } from '../core/event.ts';
import { emptied, type Failure } from '../core/outcome.ts';
import { positionsIn } from '../core/tells-of.ts';
import { sql, type Queryable } from './sql.ts';

interface Failed {
  readonly position: Position;
  readonly failure: Failure | null;
}

/**
 * Rows as they may be written: whoever holds a lane has failures in memory for a while, and somebody of whom one tells
 * may have been deleted meanwhile.
 * @param tx has locked the lane's row, so that a deletion waits for it or is seen by it
 */
export async function withoutForgotten<Row extends Failed>(
  tx: Queryable,
  rows: readonly Row[],
): Promise<readonly Row[]> {
  const failed = rows.filter(({ failure }) => failure !== null);
  const texts = new Set(failed.map(({ failure }) => failure?.tellsOf ?? ''));
  const asked = new Set([...failed.map(({ position }) => position), ...[...texts].flatMap(positionsOf)]);
  if (asked.size === 0) return rows;
  const gone = await tx.rows<{ position: Position }>(sql`
    select position from event where position = any(${[...asked]}::bigint[]) and message_id = ''`);
  if (gone.length === 0) return rows;
  const deleted = new Set(gone.map(({ position }) => position));
  const tellsOfDeleted = new Set(
    [...texts].filter((text) => positionsOf(text).some((at) => deleted.has(at))),
  );
  return rows.map((row) => {
    if (row.failure === null) return row;
    const tells = deleted.has(row.position) || tellsOfDeleted.has(row.failure.tellsOf ?? '');
    return tells ? { ...row, failure: emptied(row.failure) } : row;
  });
}

const positionsOf = (text: string) => (text === '' ? [] : positionsIn(text));
