import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { decodeCursor, encodeCursor } from '../../src/api/cursor.ts';

const Place = z.tuple([z.int(), z.string()]);

test('what was encoded comes back, for its own list', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.string({ unit: 'binary' }), (number, text) => {
      const cursor = encodeCursor('replays', [number, text]);
      expect(cursor).toMatch(/^[\w-]+$/);
      expect(decodeCursor('replays', cursor, Place)).toEqual([number, text]);
      expect(decodeCursor('sources', cursor, Place)).toBeNull();
    }),
  );
});

test('anything else is no cursor, and none throws', () => {
  const made = ['', 'x', 'e30', 'W10', encodeCursor('replays', []), encodeCursor('replays', [1.5, 'a'])];
  for (const text of made) expect(decodeCursor('replays', text, Place)).toBeNull();
  fc.assert(fc.property(fc.string(), (text) => decodeCursor('replays', text, Place) === null));
});
