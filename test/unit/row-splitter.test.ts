import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cellsOf } from '../../src/api/imports/csv-row.ts';
import { RowSplitter, type Row } from '../../src/api/imports/row-splitter.ts';

const seed = Buffer.alloc(32);

/** The rows of a file that comes in pieces that end at these bytes. */
function split(file: Buffer, delimiter: string | null, cuts: readonly number[] = []): Row[] {
  const splitter = new RowSplitter(seed, delimiter === null ? null : delimiter.charCodeAt(0));
  const ends = [...new Set(cuts.map((cut) => cut % (file.length + 1)))].toSorted(
    (left, right) => left - right,
  );
  const rows: Row[] = [];
  let from = 0;
  for (const end of [...ends, file.length]) {
    rows.push(...splitter.push(file.subarray(from, end)));
    from = end;
  }
  return [...rows, ...splitter.end()];
}

const cell = fc.string({
  unit: fc.constantFrom('a', 'ü', ',', ';', '"', '\n', '\r', ' ', '7'),
  maxLength: 8,
});
const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 8 });
const quoted = (text: string) => (/[",;\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const cuts = fc.array(fc.nat(), { maxLength: 12 });

test('a CSV file is cut where its rows end, wherever its pieces end; cells are what was written', () => {
  const property = fc.property(
    table,
    fc.constantFrom('\n', '\r\n'),
    fc.boolean(),
    cuts,
    (cells, lineBreak, ended, at) => {
      const text = cells.map((row) => row.map(quoted).join(',')).join(lineBreak) + (ended ? lineBreak : '');
      const file = Buffer.from(text);
      const rows = split(file, ',', at);
      expect(rows.map(({ bytes }) => cellsOf(bytes, ','))).toEqual(cells);
      expect(rows).toEqual(split(file, ','));
      expect(rows.at(-1)?.after.bytes).toBe(file.length);
      expect(rows.map(({ bytes }) => cellsOf(bytes, ','))).toEqual(
        parse(text, { relax_column_count: true, record_delimiter: lineBreak }),
      );
    },
  );
  fc.assert(property, { numRuns: 2_000 });
});

test('any bytes are cut into lines that give them back, with their numbers and one digest for each', () => {
  const bytes = fc.uint8Array({ maxLength: 60 }).map((some) => some.map((byte) => (byte < 60 ? 10 : byte)));
  const property = fc.property(bytes, cuts, (some, at) => {
    const file = Buffer.from(some);
    const rows = split(file, null, at);
    const lines = file.toString('latin1').split('\n');
    if (lines.at(-1) === '') lines.pop();
    expect(rows.map((row) => row.bytes.toString('latin1'))).toEqual(lines);
    expect(rows.map(({ line }) => line)).toEqual(lines.map((_, index) => index + 1));
    expect(rows).toEqual(split(file, null));
    expect(new Set(rows.map(({ after }) => after.digest.toString('hex'))).size).toBe(rows.length);
  });
  fc.assert(property, { numRuns: 2_000 });
});

test('of a row that is too long only its start is kept, and the next one is whole', () => {
  const file = Buffer.from(`${'x'.repeat(3_000_000)}\nnext`);
  const rows = split(file, null, [1_000, 700_000, 2_000_000]);
  expect(rows.map(({ bytes, cut, line }) => [bytes.length, cut, line])).toEqual([
    [65_536, true, 1],
    [4, false, 2],
  ]);
  expect(split(Buffer.from(`${'x'.repeat(2_999_999)}\nnext`), null)[0]?.after.digest).not.toEqual(
    rows[0]?.after.digest,
  );
});
