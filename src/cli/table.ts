import { columnsOf, cut, plain } from './texts.ts';

const gap = 2;
/** A column is not cut below this: an id or a name that is shorter tells nothing. */
const narrowest = 8;

/**
 * Rows under headings, in aligned columns; where they do not fit into the width, each row as a block of its own lines.
 * @param width in columns; Infinity where nobody looks, as in a pipe
 */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
): string {
  const shown = rows.map((row) => row.map(plain));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...shown.map((row) => columnsOf(row[column] ?? ''))),
  );
  const total = widths.reduce((sum, each) => sum + each + gap, -gap);
  if (total > width) return blocks(headings, shown, width);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => pad(cell, widths[column] ?? 0))
      .join(' '.repeat(gap))
      .trimEnd();
  return [headings.map((heading) => heading.toUpperCase()), ...shown].map(line).join('\n');
}

/** Names and values below each other. */
export function facts(pairs: readonly (readonly [name: string, value: string])[], width: number): string {
  const names = Math.max(...pairs.map(([name]) => name.length)) + gap;
  const room = Math.max(narrowest, width - names);
  return pairs.map(([name, value]) => `${pad(name, names)}${cut(plain(value), room)}`.trimEnd()).join('\n');
}

function blocks(headings: readonly string[], rows: readonly (readonly string[])[], width: number): string {
  const block = (row: readonly string[]) =>
    facts(
      headings
        .map((heading, column) => [heading, row[column] ?? ''] as const)
        .filter(([, value]) => value !== ''),
      width,
    );
  return rows.map(block).join('\n\n');
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - columnsOf(text)));
}
