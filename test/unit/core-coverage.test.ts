import fc from 'fast-check';
import { expect, it } from 'vitest';
import { chunkOf, chunkPositions, covers, hasBit, setBit, type ChunkBits } from '../../src/core/coverage.ts';

const anyPosition = fc.integer({ min: 1, max: 40_000 });

it('has exactly what was set', () => {
  fc.assert(
    fc.property(fc.uniqueArray(anyPosition, { maxLength: 60 }), fc.array(anyPosition), (set, asked) => {
      const chunks: ChunkBits = new Map();
      for (const position of set) setBit(chunks, position);
      for (const position of [...set, ...asked])
        expect(covers(chunks, position)).toBe(set.includes(position));
      expect(new Set(chunks.keys())).toEqual(new Set(set.map(chunkOf)));
    }),
  );
});

it('keeps one kilobyte for 8,192 positions, the lowest position in the highest bit of the first byte', () => {
  const chunks: ChunkBits = new Map();
  setBit(chunks, chunkPositions);
  setBit(chunks, chunkPositions + 9);
  setBit(chunks, 2 * chunkPositions - 1);
  const bits = chunks.get(1)!;
  expect(bits).toHaveLength(1_024);
  expect([bits[0], bits[1], bits[1_023]]).toEqual([0x80, 0x40, 0x01]);
  expect(bits.reduce((sum, byte) => sum + byte, 0)).toBe(0x80 + 0x40 + 0x01);
});

it('draws the border between chunks at 8,192', () => {
  expect([8_191, 8_192, 16_383, 16_384].map(chunkOf)).toEqual([0, 1, 1, 2]);
});

it('has nothing where nothing was ever set', () => {
  expect(covers(undefined, 5)).toBe(false);
  expect(hasBit(undefined, 5)).toBe(false);
  expect(covers(new Map(), 5)).toBe(false);
});

it('takes a position beyond 2^31 and one far beyond it', () => {
  for (const position of [2 ** 31 + 1, 2 ** 45 + 8_191]) {
    const chunks: ChunkBits = new Map();
    setBit(chunks, position);
    expect([position - 1, position, position + 1].map((one) => covers(chunks, one))).toEqual([
      false,
      true,
      false,
    ]);
  }
});
