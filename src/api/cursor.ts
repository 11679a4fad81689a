import type { z } from 'zod';

/**
 * A cursor is the place of a page's last row, as its list sorts, in an opaque text. It names its list, so that the
 * cursor of one list is refused by another.
 */
export function encodeCursor(list: string, place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([list, ...place])).toString('base64url');
}

/** Reads a cursor of a list back; null for anything that this list did not give out. */
export function decodeCursor<Place>(list: string, text: string, schema: z.ZodType<Place>): Place | null {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
  if (!Array.isArray(value) || value[0] !== list) return null;
  const place = schema.safeParse(value.slice(1));
  return place.success ? place.data : null;
}
