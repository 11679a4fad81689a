import { setImmediate } from 'node:timers/promises';
import type { Database } from '../../db/database.ts';
import {
  completeImport,
  releaseImport,
  renewClaim,
  renewEveryMs,
  type Checkpoint,
} from '../../db/imports/claim.ts';
import { ClaimLost, commitRows, type ImportClaim, type ImportedRow } from '../../db/imports/commit.ts';
import { throughOutage } from '../../db/outage.ts';
import { openSourceUsage, type SourceUsage } from '../source-usage.ts';
import type { Row } from './row-splitter.ts';
import { openRefusedUsers, type RefuseUsers } from './refused-users.ts';
import type { FileRows } from './rows.ts';
import { isGzipFault, UnreadableFile } from './unreadable.ts';

/**
 * What one append takes. Live events wait for the one that is under way: with ten times as many rows an import is hardly
 * faster, and they wait four times as long (bench/imports.ts).
 */
const chunkRows = 100;
const chunkBytes = 1_048_576;
/** Of a file that comes in slowly, so much is committed at least; milliseconds. */
const chunkAgeMs = 1_000;
/** How long Postgres may be away before an import is broken off, and how often it is asked meanwhile; milliseconds. */
const outageMs = 30_000;
const outageRetryMs = 500;

/** What is sent now is not the file that the import began with. */
export class OtherFile extends Error {
  readonly line: number;
  constructor(line: number) {
    super('another file');
    this.line = line;
  }
}

interface Sending {
  readonly db: Database;
  readonly claim: ImportClaim;
  /** How large an event may be; null: as large as any. */
  readonly maxEventBytes: number | null;
  /** Ends the sending with its reason. */
  readonly stop: AbortController;
}

/**
 * Archives what an import lacks of a file: rows that are committed are only compared. Whatever ends it, all rows that
 * were read are committed, and the claim is given back.
 * @throws what broke it off: OtherFile, UnreadableFile, UploadCut, ClaimLost, the reason of `stop`, or that Postgres is
 *   away for longer than half a minute
 */
export async function sendRows(sending: Sending, file: FileRows): Promise<void> {
  const { db, claim } = sending;
  const usage = openSourceUsage(db);
  const renewal = setInterval(() => void renew(sending), renewEveryMs);
  try {
    const end = await archiveRows(sending, file, usage);
    const completed = await patiently(sending, () => completeImport(db, claim, end));
    if (!completed) throw new ClaimLost('another sender has the import');
  } catch (error) {
    const failure = error instanceof UnreadableFile ? { line: error.line, detail: error.message } : null;
    // When Postgres is away the claim runs out by itself.
    await releaseImport(db, claim, failure).catch(() => undefined);
    throw error;
  } finally {
    clearInterval(renewal);
    await usage.close();
  }
}

async function renew({ db, claim, stop }: Sending): Promise<void> {
  const renewed = await renewClaim(db, claim.id, claim.sender).catch(() => true);
  if (!renewed) stop.abort(new ClaimLost('another sender has the import'));
}

/** @returns where the file ends */
async function archiveRows(sending: Sending, file: FileRows, usage: SourceUsage): Promise<Checkpoint> {
  const { claim, maxEventBytes, stop } = sending;
  const source = { sourceId: claim.sourceId, maxEventBytes };
  const committer = new Committer(sending, usage);
  const passed = new PassedRows(claim.at);
  const turns = new Turns();
  let end = claim.at;
  try {
    for await (const row of file.rows) {
      stop.signal.throwIfAborted();
      end = row.after;
      if (passed.has(row)) continue;
      const read = file.read(row, source);
      if (read !== null) await committer.add(read, row.bytes.length);
      await turns.give();
    }
    passed.end(end);
  } catch (error) {
    if (!(error instanceof ClaimLost)) await committer.flush();
    throw readableError(error, end);
  }
  await committer.flush();
  return end;
}

/** What zlib says of a file that is broken, as a fault of the file. */
function readableError(error: unknown, end: Checkpoint): unknown {
  if (!isGzipFault(error)) return error;
  const detail = `The gzip data are damaged or end too soon, behind line ${end.lines}. Send the whole file again: it goes on from there.`;
  return new UnreadableFile(end.lines + 1, detail);
}

/** Tells the rows that are committed already, and whether they are the same ones. */
class PassedRows {
  readonly #at: Checkpoint;
  #verified: boolean;
  constructor(at: Checkpoint) {
    this.#at = at;
    this.#verified = at.bytes === 0;
  }

  /** @throws OtherFile when the rows so far are others than those that are committed */
  has(row: Row): boolean {
    if (row.after.bytes > this.#at.bytes) {
      if (!this.#verified) throw new OtherFile(row.line);
      return false;
    }
    if (row.after.bytes === this.#at.bytes) {
      if (!row.after.digest.equals(this.#at.digest)) throw new OtherFile(row.line);
      this.#verified = true;
    }
    return true;
  }

  /** @throws OtherFile when the file ends before what is committed */
  end(end: Checkpoint): void {
    if (!this.#verified) throw new OtherFile(end.lines);
  }
}

/** Commits rows in chunks, one chunk while the next one is read. */
class Committer {
  readonly #sending: Sending;
  readonly #usage: SourceUsage;
  readonly #refuseUsers: RefuseUsers;
  #rows: ImportedRow[] = [];
  #bytes = 0;
  #since = 0;
  #committing: Promise<void> = Promise.resolve();
  constructor(sending: Sending, usage: SourceUsage) {
    this.#sending = sending;
    this.#usage = usage;
    this.#refuseUsers = openRefusedUsers(sending.db, sending.claim.sourceId);
  }

  async add(row: ImportedRow, bytes: number): Promise<void> {
    if (this.#rows.length === 0) this.#since = performance.now();
    this.#rows.push(row);
    this.#bytes += bytes;
    const isFull = this.#rows.length >= chunkRows || this.#bytes >= chunkBytes;
    if (isFull || performance.now() - this.#since > chunkAgeMs) await this.#commit();
  }

  /** Commits what is left. @throws when this, or a commit before it, did not go well */
  async flush(): Promise<void> {
    await this.#commit();
    await this.#committing;
  }

  async #commit(): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    this.#bytes = 0;
    await this.#committing;
    if (rows.length === 0) return;
    this.#committing = this.#commitRows(rows);
    this.#committing.catch(() => undefined); // thrown on by the next await
  }

  async #commitRows(read: readonly ImportedRow[]): Promise<void> {
    const { db, claim } = this.#sending;
    const rows = await patiently(this.#sending, () => this.#refuseUsers(read));
    const conflicts = await patiently(this.#sending, () => commitRows(db, claim, rows));
    const rejected = conflicts + rows.filter((row) => row.rejected !== undefined).length;
    this.#usage.count(claim.sourceId, new Date(), { received: rows.length, rejected });
  }
}

/** Repeats work that fails because Postgres is away, for a while. */
async function patiently<T>({ stop: { signal } }: Sending, work: () => Promise<T>): Promise<T> {
  const now = () => performance.now();
  return await throughOutage(work, { now, forMs: outageMs, retryMs: () => outageRetryMs, signal });
}

/** How long this process reads rows before it looks at what else there is to do; milliseconds. */
const turnMs = 4;

/** Rows that lie ready are read without a pause, in which nobody else's turn would come. */
class Turns {
  #since = performance.now();
  async give(): Promise<void> {
    if (performance.now() - this.#since < turnMs) return;
    await setImmediate();
    this.#since = performance.now();
  }
}
