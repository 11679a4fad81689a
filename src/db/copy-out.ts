import pg from 'pg';
import type { Statement } from './sql.ts';

/** What can hand out the rows of a statement as they come from the wire. */
export interface Copying {
  /**
   * @param settings of Postgres, for this statement alone
   * @returns a binary COPY of the statement's rows in pieces, each of whole rows (PostgreSQL, COPY, file formats)
   */
  copyOut(statement: Statement, settings?: Readonly<Record<string, string>>): Promise<readonly Buffer[]>;
}

/** What pg-protocol calls a message of a COPY, which is one row. Its bytes are overwritten once more of them come in. */
interface CopyData {
  readonly chunk: Buffer;
}

const firstPiece = 16_384; // a stream reads few events at a time
const laterPieces = 262_144;

/**
 * One COPY ... TO STDOUT, gathered in some pieces. pg makes a string of every column it reads and an object of every
 * row; here nothing is made of them before somebody asks.
 */
export class CopyOut {
  /** Set by pg, which calls it once. */
  declare callback: (error: Error | null, pieces?: readonly Buffer[]) => void;
  readonly #text: string;
  readonly #full: Buffer[] = [];
  #piece = Buffer.allocUnsafeSlow(firstPiece);
  #length = 0;

  constructor(statement: Statement, settings: Readonly<Record<string, string>>) {
    // Statements that are sent together are one transaction, to which alone the settings apply.
    const local = Object.entries(settings).map(([name, value]) => `set local ${name} = ${value}; `);
    this.#text = `${local.join('')}copy (${literalText(statement)}) to stdout (format binary)`;
  }

  submit(connection: pg.Connection): void {
    connection.query(this.#text);
  }

  handleCopyData({ chunk }: CopyData): void {
    if (this.#length + chunk.length > this.#piece.length) {
      // The first one holds the head of the file, also when the first row does not fit into it.
      if (this.#length > 0) this.#full.push(this.#piece.subarray(0, this.#length));
      this.#piece = Buffer.allocUnsafeSlow(Math.max(laterPieces, chunk.length));
      this.#length = 0;
    }
    chunk.copy(this.#piece, this.#length);
    this.#length += chunk.length;
  }

  handleCommandComplete(): void {} // of each of its statements

  handleReadyForQuery(): void {
    this.callback(null, [...this.#full, this.#piece.subarray(0, this.#length)]);
  }

  handleError(error: Error): void {
    this.callback(error);
  }
}

/** A statement as text alone, with its values as literals: COPY takes no parameters. */
function literalText({ text, values }: Statement): string {
  return text.replace(/\$(\d+)/g, (_, digits: string) => literal(values[Number(digits) - 1]));
}

function literal(value: unknown): string {
  if (typeof value === 'number' && Number.isFinite(value)) return `(${value})`;
  if (typeof value === 'string') return pg.escapeLiteral(value);
  if (value instanceof Date) return pg.escapeLiteral(value.toISOString());
  if (Array.isArray(value)) return `array[${value.map(literal).join(', ')}]`;
  throw new TypeError(`no literal is known for ${typeof value}`);
}
