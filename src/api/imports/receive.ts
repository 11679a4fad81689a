import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../../db/database.ts';
import { claimImport, type Claiming } from '../../db/imports/claim.ts';
import { ClaimLost } from '../../db/imports/commit.ts';
import {
  createImport,
  getImport,
  importOfKey,
  type ImportRecord,
  type ImportRequest,
} from '../../db/imports/records.ts';
import { isOutage } from '../../db/outage.ts';
import { getSource } from '../../db/sources.ts';
import type { ApiDeps } from '../deps.ts';
import { isProblem, problem, type Problem } from '../problem.ts';
import { settle } from '../settle.ts';
import { bodyChunks, UploadCut } from './body.ts';
import { openFile, unreadable } from './open-file.ts';
import { openRows, type FileRows } from './rows.ts';
import { OtherFile, sendRows } from './send.ts';
import { isGzipFault, UnreadableFile } from './unreadable.ts';

/** How often a claim that may have been left behind is tried, and whether streams have passed; milliseconds. */
const lookMs = 500;
/** How long the answer waits for streams to pass what was imported; milliseconds. */
const streamsMs = 10_000;

/** The file of an import that exists already, or of one that is made once the file has been opened. */
export type Destined =
  | { readonly known: ImportRecord }
  | {
      readonly known?: never;
      readonly sourceId: string;
      readonly name: string | null;
      readonly request: Omit<ImportRequest, 'format'> & { readonly format: ImportRequest['format'] | null };
      readonly idempotencyKey: string | null;
    };

/** This process ends. */
class Stopping extends Error {}

type Receiving = Pick<ApiDeps, 'db' | 'stopping'>;

/**
 * Archives an uploaded file, or what its import lacks of it, and waits a little until streams have passed it, so that
 * a replay asked for now reaches all of it.
 * @returns the import as it then stands
 */
export async function receiveFile(
  deps: Receiving,
  upload: { readonly body: Readable; readonly headers: IncomingHttpHeaders },
  destined: Destined,
): Promise<ImportRecord | Problem> {
  const stop = new AbortController();
  const ending = () => stop.abort(new Stopping('this process ends'));
  deps.stopping.addEventListener('abort', ending, { once: true });
  if (deps.stopping.aborted) ending();
  let importId: string | null = destined.known?.id ?? null;
  try {
    const opened = await open(bodyChunks(upload.body, stop.signal), upload.headers, destined);
    if (isProblem(opened)) return opened;
    const { file, request } = opened;
    const made = destined.known ?? (await create(deps.db, destined, request, file));
    if (isProblem(made)) return made;
    importId = made.id;
    const refusal = await send(deps, made, file, stop);
    return refusal ?? (await onceReplayable(deps, made.id));
  } catch (error) {
    return refusalOf(error, importId);
  } finally {
    deps.stopping.removeEventListener('abort', ending);
  }
}

async function open(
  chunks: AsyncIterable<Buffer>,
  headers: IncomingHttpHeaders,
  destined: Destined,
): Promise<{ readonly file: FileRows; readonly request: ImportRequest } | Problem> {
  const asked = destined.known === undefined ? destined.request : destined.known.request;
  const file = await openFile(chunks, headers, asked.format);
  if (isProblem(file)) return file;
  const request = { ...asked, format: file.format };
  const rows = await openRows(file, request);
  return isProblem(rows) ? rows : { file: rows, request };
}

async function create(
  db: Database,
  destined: Exclude<Destined, { readonly known: ImportRecord }>,
  request: ImportRequest,
  file: FileRows,
): Promise<{ readonly id: string; readonly sourceId: string } | Problem> {
  const { sourceId, name, idempotencyKey } = destined;
  const id = randomUUID();
  if (await createImport(db, { id, sourceId, name, request, idempotencyKey, digest: file.seed })) {
    return { id, sourceId };
  }
  const other = await importOfKey(db, idempotencyKey ?? '');
  return running(other?.id ?? null); // the same key came twice at the same time
}

async function send(
  { db, dedupeWindow }: Pick<ApiDeps, 'db' | 'dedupeWindow'>,
  { id, sourceId }: { readonly id: string; readonly sourceId: string },
  file: FileRows,
  stop: AbortController,
): Promise<Problem | null> {
  const sender = randomUUID();
  const claiming = await claimWhenFree(db, { id, sender }, stop.signal);
  if (claiming.kind === 'held') return running(id);
  if (claiming.kind === 'claimed') {
    const claim = {
      id,
      sourceId,
      sender,
      at: claiming.at,
      ...(dedupeWindow !== undefined && { dedupeWindow }),
    };
    const maxEventBytes = (await getSource(db, sourceId))?.maxEventBytes ?? null;
    await sendRows({ db, claim, maxEventBytes, stop }, file);
  }
  return null;
}

/** The claim of a sender whose process died runs out; one that is renewed meanwhile is somebody's. */
async function claimWhenFree(
  db: Database,
  { id, sender }: { readonly id: string; readonly sender: string },
  until: AbortSignal,
): Promise<Claiming> {
  let seen: string | null = null;
  for (;;) {
    until.throwIfAborted();
    const claiming = await claimImport(db, id, sender);
    if (claiming.kind !== 'held' || (seen !== null && claiming.renewedAt !== seen)) return claiming;
    seen = claiming.renewedAt;
    await delay(lookMs);
  }
}

async function onceReplayable({ db, stopping }: Receiving, id: string): Promise<ImportRecord> {
  const { state } = await settle(
    () => getImport(db, id),
    (record) => record === null || record.streamsBehind.length === 0,
    stopping,
    { waitMs: streamsMs, stepMs: lookMs },
  );
  if (state === null) throw new Error(`import ${id} is gone`);
  return state;
}

const again = 'Send the whole file again: it goes on behind what is committed.';

function running(importId: string | null): Problem {
  const detail = 'Somebody sends this import now. Wait until it has ended, or broken off.';
  return problem('import_running', detail, { members: { importId } });
}

function refusalOf(error: unknown, importId: string | null): Problem {
  const members = importId === null ? {} : { importId };
  if (error instanceof UnreadableFile) {
    return problem('unreadable_file', error.message, { members: { ...members, line: error.line } });
  }
  if (error instanceof OtherFile) {
    const detail = `The file differs, at line ${error.line} or before, from the one that this import has taken so far. Send that one, or make a new import.`;
    return problem('import_differs', detail, { members });
  }
  if (error instanceof ClaimLost) return running(importId);
  if (error instanceof UploadCut) {
    return problem('upload_cut', `The file did not arrive whole. ${again}`, { members });
  }
  if (error instanceof Stopping || isOutage(error)) {
    const why = error instanceof Stopping ? 'This process ends.' : 'The database does not answer.';
    return problem('unavailable', `${why} ${again}`, { headers: { 'retry-after': '2' }, members });
  }
  if (isGzipFault(error)) return unreadable('The gzip data are damaged or end too soon.');
  throw error;
}
