import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { importEvents } from '../../db/archive/import.ts';
import { archiveHead } from '../../db/archive/read.ts';
import type { Database } from '../../db/database.ts';
import { createSource, listSources } from '../../db/sources.ts';
import { demoEvents } from './generate.ts';
import { dayMs } from './rhythm.ts';

export const demoWriteKey = 'wk_demo_shop';
const demoSource = 'Demo shop';
const seed = 42;
/** More sources than this are not looked through for the demo shop. */
const sourcesLookedAt = 200;

export interface LoadOptions {
  readonly db: Database;
  /** How many events to load; 0: none. */
  readonly total: number;
  /** Where it is noted what is being loaded, so that a load that is cut off goes on at the next start. */
  readonly noteFile: string;
  readonly now: Date;
  readonly onProgress: (loaded: number, total: number) => void;
}

/** A load under way, or done. */
interface Note {
  readonly sourceId: string;
  readonly total: number;
  readonly until: string;
  readonly done: boolean;
}

/**
 * Loads the demo shop's history into an empty archive, or the rest of it when an earlier load was cut off: what is there
 * already is recognised by its messageIds. An archive with anything else in it is left alone.
 * @returns how many events were added, null when there was nothing to load
 */
export async function loadDemoData(options: LoadOptions): Promise<number | null> {
  const { db, noteFile } = options;
  const note = await noteFor(options);
  if (note === null) return null;
  write(noteFile, note);
  const { total } = note;
  const lines = demoEvents({ total, seed, until: new Date(note.until) });
  const { appended } = await importEvents(db, note.sourceId, eachLine(lines), {
    onProgress: (progress) => options.onProgress(progress.lines, total),
  });
  write(noteFile, { ...note, done: true });
  return appended;
}

async function noteFor({ db, total, noteFile, now }: LoadOptions): Promise<Note | null> {
  const sourceId = await demoSourceId(db);
  const earlier = read(noteFile);
  if (earlier !== null && earlier.sourceId === sourceId) return earlier.done ? null : earlier;
  if (total === 0 || (await archiveHead(db)) > 0) return null;
  const until = new Date(Math.floor(now.getTime() / dayMs) * dayMs).toISOString();
  return { sourceId: sourceId ?? (await createDemoSource(db)), total, until, done: false };
}

/** The source that owns the demo's write key, null when there is none. */
export async function demoSourceId(db: Database): Promise<string | null> {
  const sources = await listSources(db, { limit: sourcesLookedAt });
  return sources.find((source) => source.writeKeys.some(({ key }) => key === demoWriteKey))?.id ?? null;
}

async function createDemoSource(db: Database): Promise<string> {
  const id = randomUUID();
  await db.transaction((tx) =>
    createSource(tx, { id, name: demoSource, writeKey: demoWriteKey, suppressedUsers: 'archive' }),
  );
  return id;
}

// eslint-disable-next-line typescript/require-await -- an import takes lines that may have to be waited for
async function* eachLine(lines: Iterable<string>): AsyncGenerator<string> {
  yield* lines;
}

function read(file: string): Note | null {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Note) : null;
}

function write(file: string, note: Note): void {
  writeFileSync(file, JSON.stringify(note));
}
