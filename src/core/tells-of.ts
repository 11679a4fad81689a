import type { Position } from './event.ts';

/**
 * The events of which a kept text may tell, as it is stored: their positions from the lowest on, the first as it is and
 * each other one as its distance from the one before. A thousand neighbours are a text of two or three thousand letters.
 */
export type TellsOf = string;

/** @param positions of the events, in any order, each once */
export function tellsOf(positions: readonly Position[]): TellsOf {
  const sorted = positions.toSorted((a, b) => a - b);
  return sorted.map((position, place) => position - (sorted[place - 1] ?? 0)).join(' ');
}

/** The positions in it, from the lowest on. */
export function positionsIn(text: TellsOf): Position[] {
  let position = 0;
  return text.split(' ').map((step) => (position += Number(step)));
}
