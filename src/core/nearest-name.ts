/**
 * The known name that somebody most likely meant, or null when none is near: at most one edit (insert, drop, replace,
 * swap of neighbours) per three letters, upper and lower case alike.
 */
export function nearestName(asked: string, known: readonly string[]): string | null {
  if (asked.length > 100) return null;
  const limit = Math.max(1, Math.floor(asked.length / 3));
  let best: { name: string; distance: number } | null = null;
  for (const name of known) {
    const distance = editDistance(asked.toLowerCase(), name.toLowerCase());
    if (distance <= limit && distance < (best?.distance ?? Infinity)) best = { name, distance };
  }
  return best?.name ?? null;
}

/** Optimal string alignment: Levenshtein's edits and the swap of two neighbours. */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) row.push(cell(a, b, i, j, rows, row));
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 0;
}

function cell(a: string, b: string, i: number, j: number, rows: number[][], row: number[]): number {
  const at = (line: number[] | undefined, column: number) => line?.[column] ?? Infinity;
  const replaced = at(rows[i - 1], j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
  const dropped = at(rows[i - 1], j) + 1;
  const inserted = at(row, j - 1) + 1;
  const swaps = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
  const swapped = swaps ? at(rows[i - 2], j - 2) + 1 : Infinity;
  return Math.min(replaced, dropped, inserted, swapped);
}
