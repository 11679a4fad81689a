import { createHash } from 'node:crypto';
import { importArrival, legibleLine, readImportedLine } from '../../core/imported-line.ts';
import type { KeptArrival } from '../../core/kept-arrival.ts';
import { rejectedEvent, type Arrival, type ReadEvent } from '../../core/new-event.ts';
import type { ImportedRow } from '../../db/imports/commit.ts';
import type { ImportRequest } from '../../db/imports/records.ts';
import type { Problem } from '../problem.ts';
import { mapColumns, type ColumnMap } from './column-map.ts';
import { cellsOf, eventOfRow, usersOfRow } from './csv-row.ts';
import { unreadable, type OpenFile } from './open-file.ts';
import { RowSplitter, type Row } from './row-splitter.ts';
import { UnreadableFile } from './unreadable.ts';

/** Whose events they are, and how large these may be; null: as large as any. */
export interface ImportingSource {
  readonly sourceId: string;
  readonly maxEventBytes: number | null;
}

/** The rows of a file, in order, and how one becomes an event. */
export interface FileRows {
  /** What the digest of the file begins with. */
  readonly seed: Buffer;
  readonly rows: AsyncIterable<Row>;
  /** Null for a row without anything on it. */
  read(row: Row, source: ImportingSource): ImportedRow | null;
}

/** How a file is read: what was asked for, with the format as the file shows it. */
export function openRows(file: OpenFile, request: ImportRequest): Promise<FileRows | Problem> {
  return file.format === 'csv' ? openCsv(file, request) : Promise.resolve(openLines(file));
}

function openLines(file: OpenFile): FileRows {
  const seed = seedOf(['ndjson']);
  return {
    seed,
    rows: rowsOf(file, new RowSplitter(seed, null)),
    read: (row, source) =>
      read(row, source, lineKept, (arrival) =>
        row.cut
          ? rejectedEvent('row_too_large', row.bytes, legibleLine(row.bytes), arrival)
          : readImportedLine(row.bytes, arrival),
      ),
  };
}

async function openCsv(file: OpenFile, request: ImportRequest): Promise<FileRows | Problem> {
  const delimiter = delimiterOf(file.head);
  // Other columns make other events of the same rows: they are not the ones that were imported before.
  const seed = seedOf(['csv', request.type, ...request.map]);
  const rows = rowsOf(file, new RowSplitter(seed, delimiter.charCodeAt(0)))[Symbol.asyncIterator]();
  const map = await headerOf(rows, delimiter, request);
  if ('faults' in map) return unreadable(map.faults.slice(0, 10).map(clip).join(' '));
  return {
    seed,
    rows: { [Symbol.asyncIterator]: () => rows },
    read: (row, source) =>
      row.bytes.length === 0
        ? null
        : read(row, source, rowKept, (arrival) => readCsvRow(row, delimiter, map, arrival)),
  };
}

/** A fault may name a column, and a column may have any name. */
const clip = (fault: string) => (fault.length <= 500 ? fault : `${fault.slice(0, 500)}…`);

function seedOf(parts: readonly (string | null)[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}

async function* rowsOf(file: OpenFile, splitter: RowSplitter): AsyncGenerator<Row> {
  for await (const chunk of file.chunks) yield* splitter.push(chunk);
  yield* splitter.end();
}

/** What the header separates its columns by, as the programs that write CSV do. */
function delimiterOf(head: Buffer): string {
  const line = head.subarray(0, head.includes(0x0a) ? head.indexOf(0x0a) : head.length).toString('utf8');
  const bare = line.replaceAll(/"[^"]*"/g, '');
  const counted = [',', ';', '\t'].map((one) => ({ one, count: bare.split(one).length }));
  return counted.toSorted((left, right) => right.count - left.count)[0]?.one ?? ',';
}

async function headerOf(
  rows: AsyncIterator<Row>,
  delimiter: string,
  { type, map }: ImportRequest,
): Promise<ColumnMap | { readonly faults: readonly string[] }> {
  try {
    const first = await rows.next();
    const cells = first.done === true ? [] : cellsOf(first.value.bytes, delimiter);
    return 'fault' in cells ? { faults: [`The header: ${cells.fault}`] } : mapColumns(cells, type, map);
  } catch (error) {
    if (error instanceof UnreadableFile) return { faults: [error.message] };
    throw error;
  }
}

function readCsvRow(row: Row, delimiter: string, map: ColumnMap, arrival: Arrival): ReadEvent {
  const refuse = (code: 'row_too_large' | 'malformed_row') =>
    rejectedEvent(code, row.bytes, null, arrival, usersOfRow(row, delimiter, map));
  if (row.cut) return refuse('row_too_large');
  const event = eventOfRow(row.bytes, delimiter, map);
  if ('fault' in event) {
    const { rejected } = refuse('malformed_row');
    return { rejected: { ...rejected, message: event.fault } };
  }
  const read = readImportedLine(Buffer.from(event.text), arrival)!;
  // What is kept of a row that is no event is what stood in the file.
  return read.rejected === undefined ? read : { rejected: { ...read.rejected, raw: row.bytes } };
}

function read(
  row: Row,
  { sourceId, maxEventBytes }: ImportingSource,
  keptOf: (row: Row) => KeptArrival,
  eventOf: (arrival: Arrival) => ReadEvent | null,
): ImportedRow | null {
  const common = importArrival(sourceId, new Date(), () => messageIdOf(row));
  const arrival: Arrival = { ...common, maxEventBytes, kept: () => JSON.stringify(keptOf(row)) };
  const made = eventOf(arrival);
  return made === null ? null : { line: row.line, after: row.after, ...made };
}

const lineKept = (row: Row): KeptArrival => ({ door: 'import', messageId: messageIdOf(row) });
const rowKept = (): KeptArrival => ({ door: 'csv' });

/**
 * The messageId of a row that brings none: it stands for the row and all before it. The same file again, or one that
 * has grown, gives its rows the same ids, so they are duplicates; two equal rows of one file stay two events.
 */
function messageIdOf(row: Row): string {
  return `import-${row.after.digest.toString('hex', 0, 16)}`;
}
