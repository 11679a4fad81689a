/** How many days of the past the demo data covers. */
export const days = 90;
export const dayMs = 86_400_000;

/** The sale: its first day, and how much more happens on each of its days. */
const saleFrom = 61;
const saleFactors = [2.1, 3.4, 2.8, 1.7];

/** People shop from the sofa: Sunday first. */
const weekdayFactors = [1.25, 0.95, 0.85, 0.85, 0.9, 1.05, 1.2];

/** Share of each hour (UTC): nights are quiet, lunch is a bump, the evening is the peak. */
export const hourWeights = [
  2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 11, 12, 14, 12, 11, 11, 12, 14, 17, 21, 23, 20, 13, 6,
];

/** How many events fall on each day, oldest first; they add up to `total`. @param firstWeekday 0 is Sunday */
export function eventsPerDay(total: number, firstWeekday: number): number[] {
  const weights = Array.from({ length: days }, (_, index) => weightOf(index, firstWeekday));
  const sum = weights.reduce((left, right) => left + right, 0);
  let before = 0;
  let cumulative = 0;
  return weights.map((weight) => {
    cumulative += weight;
    const until = Math.round((total * cumulative) / sum);
    const today = until - before;
    before = until;
    return today;
  });
}

function weightOf(index: number, firstWeekday: number): number {
  const growth = 0.8 + (0.4 * index) / days; // the shop does well
  return growth * (weekdayFactors[(firstWeekday + index) % 7] ?? 1) * (saleFactors[index - saleFrom] ?? 1);
}

export function isSale(index: number): boolean {
  return saleFactors[index - saleFrom] !== undefined;
}
