import type { z } from 'zod';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { Problem } from './problem.ts';
import { invalidQuery } from './route.ts';

/** Where a page begins: null is the start of the list. */
export function placeOfCursor<Place>(
  list: string,
  cursor: string | undefined,
  schema: z.ZodType<Place>,
): { readonly place: Place | null } | Problem {
  if (cursor === undefined) return { place: null };
  const place = decodeCursor(list, cursor, schema);
  if (place !== null) return { place };
  const detail =
    'This cursor is not one of this list. Use the nextCursor of its last answer, or leave it out.';
  return invalidQuery('cursor', detail);
}

/** The page that is answered, of rows that were read with one more than the limit. */
export function pageOfRows<Row, Shown>(params: {
  readonly list: string;
  readonly rows: readonly Row[];
  readonly limit: number;
  readonly placeOf: (row: Row) => readonly (string | number)[];
  readonly show: (row: Row) => Shown;
}): { data: Shown[]; nextCursor: string | null } {
  const { list, rows, limit, placeOf, show } = params;
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor = rows.length > limit && last !== undefined ? encodeCursor(list, placeOf(last)) : null;
  return { data: shown.map(show), nextCursor };
}
