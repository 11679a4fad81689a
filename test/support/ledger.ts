import { readFileSync, writeSync } from 'node:fs';

/** One event that the tracking API answered with 200, exactly as the client sent it. */
export interface SourceLine {
  readonly messageId: string;
  /** Whose order it belongs to. */
  readonly user: string;
  readonly event: Readonly<Record<string, unknown>>;
  /** The very text that was sent, where its client keeps it. */
  readonly text?: string;
}

/** One request that a sink has answered. */
export interface SinkLine {
  /** Which request it was, in the order in which they came in, from 1. */
  readonly seq: number;
  /** When it was there in full, and when it was answered; milliseconds since 1970. */
  readonly at: number;
  readonly answeredAt: number;
  readonly id: string | null;
  readonly attempt: number | null;
  readonly messageId: string | null;
  readonly userId: string | null;
  readonly sha256: string;
  readonly body: string;
  /** The status that was answered; 0: none, or an answer that broke off. */
  readonly answer: number;
  /** False: the connection was gone before the answer. */
  readonly heard: boolean;
  /** Where the sink itself reset the connection: instead of the answer, in the midst of it, or right after it. */
  readonly cut?: Cut | null;
  /** What the answer asked for: nothing more for so long. */
  readonly retryAfterSeconds?: number | null;
}

export type Cut = 'before' | 'in' | 'after';

/** Adds a line at once and whole: it is there even if its writer or its reader is killed right after. */
export function appendLine(ledger: number, line: object): void {
  writeSync(ledger, `${JSON.stringify(line)}\n`);
}

/** All lines that are complete. */
export function readLedger<Line>(file: string): Line[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  lines.pop(); // empty, or still being written
  return lines.map((line) => JSON.parse(line) as Line);
}
