import { createHash } from 'node:crypto';
import { UnreadableFile } from './unreadable.ts';

/** A row as it stands in the file, without its line break. */
export interface Row {
  readonly bytes: Buffer;
  /** It was longer: these are only its first bytes. */
  readonly cut: boolean;
  /** The line on which it begins, from 1. */
  readonly line: number;
  /** Where the file stands behind it. */
  readonly after: { readonly bytes: number; readonly lines: number; readonly digest: Buffer };
}

/** The longest row taken; of a longer one only its start is kept. Bytes. */
const maxRowBytes = 1_048_576;
const cutRowBytes = 65_536;

const newline = 0x0a;
const carriageReturn = 0x0d;
const quote = 0x22;

/**
 * Cuts a file into rows, holding no more than one of them. In CSV a field that begins with a quote may hold line breaks
 * (RFC 4180); what lies between two row breaks is for the CSV parser. Each row carries a digest of the file up to its
 * end, which does not depend on how the file was cut into pieces on its way.
 */
export class RowSplitter {
  readonly #delimiter: number | null;
  #digest: Buffer;
  #pieces: Buffer[] = [];
  #kept = 0;
  #length = 0;
  #offset = 0;
  #firstLine = 1;
  #line = 1;
  #place: 'field start' | 'plain' | 'quoted' | 'quote in quoted' = 'field start';

  /** @param seed what the digest begins with @param delimiter between CSV fields; null: a row is a line */
  constructor(seed: Buffer, delimiter: number | null) {
    this.#digest = seed;
    this.#delimiter = delimiter;
  }

  /** The rows that end in the next piece of the file. @throws UnreadableFile when a quote is not closed in time */
  *push(chunk: Buffer): Generator<Row> {
    let from = 0;
    while (from < chunk.length) {
      const end = this.#delimiter === null ? chunk.indexOf(newline, from) : this.#endOfCsvRow(chunk, from);
      this.#take(chunk.subarray(from, end === -1 ? chunk.length : end));
      if (end === -1) return;
      yield this.#row(1);
      from = end + 1;
    }
  }

  /** The last row, when no line break ends it. @throws UnreadableFile when its quote is not closed */
  *end(): Generator<Row> {
    if (this.#place === 'quoted') throw this.#unclosed();
    if (this.#length > 0) yield this.#row(0);
  }

  #take(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length > maxRowBytes) {
      if (this.#place === 'quoted') throw this.#unclosed();
      if (this.#kept > cutRowBytes) this.#keepOnly(cutRowBytes);
      piece = piece.subarray(0, Math.max(0, cutRowBytes - this.#kept));
    }
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#kept += piece.length;
  }

  #keepOnly(bytes: number): void {
    this.#pieces = [Buffer.concat(this.#pieces, bytes)];
    this.#kept = bytes;
  }

  #row(breakBytes: 0 | 1): Row {
    const [only] = this.#pieces;
    const taken = this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces);
    const bytes = taken.at(-1) === carriageReturn ? taken.subarray(0, -1) : taken;
    const cut = this.#kept < this.#length;
    const line = this.#firstLine;
    this.#offset += this.#length + breakBytes;
    this.#digest = createHash('sha256').update(this.#digest).update(taken).update(`${this.#length}`).digest();
    const lines = this.#line;
    this.#line += breakBytes;
    this.#firstLine = this.#line;
    this.#pieces = [];
    this.#kept = this.#length = 0;
    this.#place = 'field start';
    return { bytes, cut, line, after: { bytes: this.#offset, lines, digest: this.#digest } };
  }

  /** The index of the line break that ends the row, -1 when it goes on. */
  #endOfCsvRow(chunk: Buffer, from: number): number {
    let place = this.#place;
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at];
      if (place === 'quoted') {
        if (byte === quote) place = 'quote in quoted';
        else if (byte === newline) this.#line++;
      } else if (byte === newline) {
        this.#place = 'plain';
        return at;
      } else if (byte === this.#delimiter) place = 'field start';
      else if (byte === quote && place !== 'plain') place = 'quoted';
      else place = 'plain';
    }
    this.#place = place;
    return -1;
  }

  #unclosed(): UnreadableFile {
    return new UnreadableFile(
      this.#firstLine,
      `Line ${this.#firstLine}: a field begins with a quote that nothing closes. Close it, or write quotes inside a field twice, and send the file again.`,
    );
  }
}
