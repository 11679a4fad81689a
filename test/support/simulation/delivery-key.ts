/** A delivery of a lane of the actions `a` and `b`, as a number: maps of numbers are quick. */
export function keyOf(position: number, actionId: string): number {
  return position * 2 + (actionId === 'b' ? 1 : 0);
}

/** A delivery for people. */
export function nameOf(position: number, actionId: string): string {
  return `${position}/${actionId}`;
}
