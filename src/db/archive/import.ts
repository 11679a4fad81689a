import { randomUUID } from 'node:crypto';
import { importArrival, readImportedLine } from '../../core/imported-line.ts';
import { withoutByteOrderMark } from '../../core/json-scan.ts';
import type { NewEvent, RejectedEvent } from '../../core/new-event.ts';
import type { Database } from '../database.ts';
import type { AppendOptions } from './append.ts';
import { keepEvents } from './keep.ts';

/** What one append takes: live ingest waits for it, so it is kept to tens of milliseconds. */
const chunkEvents = 1_000;
const chunkBytes = 4 * 1024 * 1024;

export interface ImportProgress {
  /** Lines with something on them. */
  readonly lines: number;
  readonly appended: number;
  /** Events that the archive has already. */
  readonly duplicates: number;
  /** Kept apart with a reason. */
  readonly rejected: number;
}

export interface ImportOptions extends AppendOptions {
  /** Told after each committed chunk. */
  readonly onProgress?: (progress: ImportProgress) => void;
  /** The time of arrival of events that bring none of their own. */
  readonly now?: () => Date;
}

interface Chunk {
  lines: number;
  bytes: number;
  readonly events: NewEvent[];
  readonly rejected: RejectedEvent[];
}

/**
 * Imports history: one JSON event per line, archived in the order of the lines with its own times, never sent to
 * streams. Each chunk is a transaction of its own, so what is committed stays when a later line or the process fails;
 * importing the same lines again adds only what is lacking, where they have messageIds. Throws what `lines` throws,
 * after the chunk that is under way has ended, or the archive's own failure.
 */
export async function importEvents(
  db: Database,
  sourceId: string,
  lines: AsyncIterable<string | Uint8Array>,
  options: ImportOptions = {},
): Promise<ImportProgress> {
  let progress: ImportProgress = { lines: 0, appended: 0, duplicates: 0, rejected: 0 };
  let chunk = emptyChunk();
  let committing: Promise<void> = Promise.resolve();
  const commit = async (full: Chunk) => {
    const kept = await keepEvents(db, full.events, full.rejected, options);
    progress = {
      lines: progress.lines + full.lines,
      appended: progress.appended + kept.appended,
      duplicates: progress.duplicates + kept.duplicates,
      rejected: progress.rejected + kept.rejected,
    };
    options.onProgress?.(progress);
  };
  try {
    for await (const line of lines) {
      addLine(chunk, line, sourceId, options.now?.() ?? new Date());
      if (chunk.lines < chunkEvents && chunk.bytes < chunkBytes) continue;
      await committing; // the next chunk is read while this one is written
      committing = commit(chunk);
      committing.catch(() => undefined); // thrown on by the next await
      chunk = emptyChunk();
    }
  } finally {
    // Whoever hears that the lines broke off finds all of what was under way in the archive, and nothing comes later.
    await committing;
  }
  if (chunk.lines > 0) await commit(chunk);
  return progress;
}

function emptyChunk(): Chunk {
  return { lines: 0, bytes: 0, events: [], rejected: [] };
}

function addLine(chunk: Chunk, line: string | Uint8Array, sourceId: string, receivedAt: Date): void {
  const raw = withoutByteOrderMark(typeof line === 'string' ? Buffer.from(line) : line);
  const read = readImportedLine(raw, importArrival(sourceId, receivedAt, randomUUID));
  if (read === null) return;
  if (read.event !== undefined) chunk.events.push(read.event);
  else chunk.rejected.push(read.rejected);
  chunk.lines++;
  chunk.bytes += raw.length;
}
