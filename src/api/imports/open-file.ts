import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { withoutByteOrderMark } from '../../core/json-scan.ts';
import type { ImportRequest } from '../../db/imports/records.ts';
import { isProblem, problem, type Problem } from '../problem.ts';

/** A file as it is read: inflated, without byte order mark. */
export interface OpenFile {
  readonly format: ImportRequest['format'];
  /** Its first bytes, up to a line break where there is one within the first 64 KiB. */
  readonly head: Buffer;
  /** All of it, from the head on. */
  readonly chunks: AsyncIterable<Buffer>;
}

const headBytes = 65_536;

/**
 * Opens what is uploaded: gzip is known by its first bytes, whether or not a header says it, and NDJSON by the brace
 * it begins with.
 * @param format what the caller says it is; null: told by the file
 */
export async function openFile(
  body: AsyncIterable<Buffer>,
  headers: IncomingHttpHeaders,
  format: ImportRequest['format'] | null,
): Promise<OpenFile | Problem> {
  const refusal = headersAtFault(headers);
  if (refusal !== null) return refusal;
  const saysGzip = /^(x-)?gzip$/i.test(headers['content-encoding'] ?? '');
  let file = await withHead(body);
  if (saysGzip && !isGzip(file.head) && file.head.length > 0) {
    return unreadable(
      'The header says `Content-Encoding: gzip`, but the body is not gzip. Leave the header out.',
    );
  }
  // A file that is compressed by itself may be compressed once more for the transfer.
  for (let level = 0; level < 2 && isGzip(file.head); level++) file = await withHead(inflated(file.chunks));
  const head = withoutByteOrderMark(file.head);
  const known = formatOf(head, format);
  if (isProblem(known)) return known;
  return { format: known, head, chunks: joined(head, file.rest) };
}

function headersAtFault(headers: IncomingHttpHeaders): Problem | null {
  if (/^multipart\//i.test(headers['content-type'] ?? '')) {
    return problem(
      'unsupported_media_type',
      'Send the file itself as the body, not a form: `curl -T events.ndjson.gz -X POST`, or `--data-binary @events.ndjson.gz`.',
    );
  }
  if (/^((x-)?gzip|identity)?$/i.test(headers['content-encoding'] ?? '')) return null;
  return problem('unsupported_media_type', 'Content-Encoding takes gzip or nothing.');
}

/** The refusal of a file of which nothing was taken. */
export function unreadable(detail: string): Problem {
  return problem('unreadable_file', detail);
}

const isGzip = (head: Buffer) => head[0] === 0x1f && head[1] === 0x8b;

const foreign: readonly (readonly [magic: string, what: string])[] = [
  ['504b0304', 'a zip archive'],
  ['28b52ffd', 'compressed by zstd'],
  ['fd377a58', 'compressed by xz'],
  ['425a68', 'compressed by bzip2'],
  ['50415231', 'Parquet'],
  ['fffe', 'UTF-16'],
  ['feff', 'UTF-16'],
];

function formatOf(head: Buffer, asked: ImportRequest['format'] | null): ImportRequest['format'] | Problem {
  const start = head.toString('latin1').trimStart();
  if (start === '') return unreadable('The file is empty. Send NDJSON (one event per line) or CSV.');
  const hex = head.subarray(0, 4).toString('hex');
  const what = foreign.find(([magic]) => hex.startsWith(magic))?.[1];
  if (what !== undefined) {
    return unreadable(`The file is ${what}. Send NDJSON or CSV in UTF-8, as it is or compressed by gzip.`);
  }
  if (start.startsWith('[') && asked !== 'csv') {
    return unreadable('The file is a JSON array. Write one event per line, for example by `jq -c ".[]"`.');
  }
  return asked ?? (start.startsWith('{') ? 'ndjson' : 'csv');
}

interface Headed {
  readonly head: Buffer;
  readonly rest: AsyncIterator<Buffer>;
  readonly chunks: AsyncIterable<Buffer>;
}

async function withHead(chunks: AsyncIterable<Buffer>): Promise<Headed> {
  const rest = chunks[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < 2 || (!isGzip(head) && head.length < headBytes && !head.includes(0x0a))) {
    const next = await rest.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return { head, rest, chunks: joined(head, rest) };
}

async function* joined(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

/** Inflates gzip, also of several files one behind the other. What the body throws is thrown on. */
async function* inflated(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const body = Readable.from(chunks, { objectMode: false });
  body.once('error', (error) => gunzip.destroy(error));
  try {
    yield* body.pipe(gunzip) as AsyncIterable<Buffer>;
  } finally {
    body.destroy();
  }
}
