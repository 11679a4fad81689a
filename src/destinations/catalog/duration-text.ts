const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** A length of time as a person says it, in the largest unit that it is a whole number of. @param seconds whole */
export function durationText(seconds: number): string {
  const [unit, size] = units.find(([, length]) => seconds >= length && seconds % length === 0) ?? units[3];
  // Vendors say 48 and 72 hours.
  if (unit === 'day' && seconds <= 3 * size) return `${seconds / 3_600} hours`;
  const count = seconds / size;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
