import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { Call } from './client.ts';
import { exits, Failure } from './failure.ts';
import { mayPass, Refusal } from './refusal.ts';
import type { Session } from './session.ts';
import { duration } from './texts.ts';

/** A file of which nothing is taken for so long is broken off; so is an answer that takes longer. Milliseconds. */
const silenceMs = 60_000;
const answerMs = 600_000;
/** A claim of a sender that died runs out after 10 s (src/db/imports/claim.ts): these outlast it. */
const pausesMs = [1_000, 2_000, 4_000, 5_000, 5_000, 10_000];
const lineEveryMs = 10_000;
const megabyte = 1e6;

/** A file, or what comes by stdin, on its way to the API. */
export interface Upload {
  readonly name: string | null;
  /** Of the file, in bytes; null: it is not known before its end. */
  readonly size: number | null;
  /** The key by which the same file, asked for in the same way, goes on; null: it cannot be read again. */
  readonly keyFor: (asked: string) => string | null;
  /** null: it was read before, and cannot be read again. */
  readonly open: () => Readable | null;
}

/** Opens a file. @throws Failure when there is none that can be read */
export async function openUpload(file: string, stdin: NodeJS.ReadableStream): Promise<Upload> {
  if (file === '-') return ofStdin(stdin);
  const known = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new Failure(
      error.code === 'ENOENT' ? exits.notFound : exits.error,
      `${file} cannot be read: ${error.message}`,
    );
  });
  if (known.isDirectory())
    throw new Failure(exits.usage, `${file} is a folder. Import its files one by one.`);
  if (known.isFile() && known.size === 0)
    throw new Failure(exits.usage, `${file} is empty: there is nothing to import.`, [
      'Give a file of NDJSON (one event on each line) or CSV.',
    ]);
  const identity = [resolve(file), known.size, known.mtimeMs].join('\n');
  return {
    name: basename(file).slice(0, 200),
    size: known.isFile() ? known.size : null,
    keyFor: (asked) =>
      `cli-${createHash('sha256').update(`${identity}\n${asked}`).digest('hex').slice(0, 40)}`,
    open: () => createReadStream(file, { highWaterMark: 256 * 1_024 }),
  };
}

function ofStdin(stdin: NodeJS.ReadableStream): Upload {
  let read = false;
  const open = () => {
    if (read) return null;
    read = true;
    return stdin as Readable;
  };
  return { name: null, size: null, keyFor: () => null, open };
}

/**
 * Sends a file, and shows how far it is. When it breaks off it is sent again from its beginning, so the API goes on where
 * it was: for as long as it can be read again and the API comes back.
 */
export async function uploadAll<T>(
  session: Session,
  upload: Upload,
  call: Pick<Call, 'query' | 'headers'> & { readonly path: string },
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await sendOnce<T>(session, upload, call);
    } catch (error) {
      session.out.erase();
      const wait = pausesMs[attempt];
      if (wait === undefined || upload.size === null || !mayGoOn(error)) throw again(error);
      if (attempt === 0)
        session.out.say(
          `${(error as Failure).message} Sending the file again; what is archived is passed over.`,
        );
      await pause(wait, undefined, { signal: session.over }).catch(() => {
        throw again(session.over.reason);
      });
    }
  }
}

function mayGoOn(error: unknown): boolean {
  return (
    mayPass(error) || (error instanceof Refusal && ['import_running', 'upload_cut'].includes(error.code))
  );
}

/** Who breaks an upload off is told how to go on. */
function again(error: unknown): unknown {
  if (
    !(error instanceof Failure) ||
    ![exits.interrupted, exits.timeout, exits.unreachable].some((exit) => exit === error.exit)
  )
    return error;
  const message = error.message === '' ? 'You have broken it off.' : error.message;
  return new Failure(error.exit, message, [
    ...error.hints,
    'What was archived stays. The same command goes on behind it.',
  ]);
}

async function sendOnce<T>(
  session: Session,
  upload: Upload,
  call: Pick<Call, 'query' | 'headers'> & { readonly path: string },
): Promise<T> {
  const file = upload.open();
  if (file === null)
    throw new Failure(exits.error, 'The connection broke off, and stdin cannot be read again.');
  const dead = new AbortController();
  const late = () => dead.abort(new DOMException('It takes too long', 'TimeoutError'));
  // Nobody waits for these timers: one that is set while the upload is broken off must not hold the process.
  let timer = setTimeout(late, silenceMs).unref();
  const show = progressOf(session, upload.size);
  let sent = 0;
  async function* counted() {
    for await (const chunk of file!) {
      yield chunk as Uint8Array;
      sent += (chunk as Uint8Array).length;
      clearTimeout(timer);
      timer = setTimeout(late, silenceMs).unref();
      show(sent);
    }
    clearTimeout(timer);
    timer = setTimeout(late, answerMs).unref();
  }
  try {
    const body = Readable.toWeb(
      Readable.from(counted(), { objectMode: false }),
    ) as ReadableStream<Uint8Array>;
    return await session.api.json<T>(call.path, {
      ...call,
      method: 'POST',
      upload: body,
      deadlineMs: null,
      signal: dead.signal,
    });
  } finally {
    clearTimeout(timer);
    file.destroy();
    session.out.erase();
  }
}

function progressOf({ out }: Session, size: number | null): (sent: number) => void {
  const began = performance.now();
  let toldAt = began;
  return (sent) => {
    const now = performance.now();
    if (now - toldAt < (out.live ? 100 : lineEveryMs)) return;
    toldAt = now;
    const rate = sent / ((now - began) / 1_000);
    const done = size === null || size === 0 ? null : sent / size;
    const left = done === null ? '' : `${String(Math.floor(done * 100)).padStart(3)}%  `;
    const eta = done === null || size === null ? '' : `  ETA ${duration((size - sent) / rate)}`;
    const line = `${left}${(sent / megabyte).toFixed(1)} MB  ${(rate / megabyte).toFixed(1)} MB/s${eta}`;
    if (out.live) out.draw(line.slice(0, out.liveWidth));
    else out.say(line);
  };
}
