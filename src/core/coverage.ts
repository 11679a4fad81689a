import type { Position } from './event.ts';

/** Positions per row of coverage: 1 kB of bits. */
export const chunkPositions = 8_192;

/** The chunk that a position lies in. */
export function chunkOf(position: Position): number {
  return Math.floor(position / chunkPositions);
}

/** Bits of one chunk; bit 0 is the highest of the first byte, as Postgres orders `bit(8192)`. */
export type Bits = Uint8Array;

/** Whether a position's bit is set. */
export function hasBit(bits: Bits | undefined, position: Position): boolean {
  if (bits === undefined) return false;
  const offset = position % chunkPositions;
  return ((bits[offset >> 3] ?? 0) & (0x80 >> (offset & 7))) !== 0;
}

/** What one action has, chunk by chunk. */
export type ChunkBits = Map<number, Bits>;

/** Sets a position's bit, adding its chunk when it is the first there. */
export function setBit(chunks: ChunkBits, position: Position): void {
  const chunk = chunkOf(position);
  let bits = chunks.get(chunk);
  if (bits === undefined) chunks.set(chunk, (bits = new Uint8Array(chunkPositions / 8)));
  const offset = position % chunkPositions;
  bits[offset >> 3]! |= 0x80 >> (offset & 7);
}

/** Whether any of an action's chunks has a position. */
export function covers(chunks: ChunkBits | undefined, position: Position): boolean {
  return hasBit(chunks?.get(chunkOf(position)), position);
}
