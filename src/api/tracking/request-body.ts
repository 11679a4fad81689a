import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import type { BodyShare } from './body-room.ts';
import type { Refusal } from './refusal.ts';

/** The largest body taken, before and after decompression: a batch of 500 KB with room for what stands around it. */
const maxBodyBytes = 512 * 1024;

const decompressors = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  br: promisify(brotliDecompress),
} as const;
const inflateZlib = promisify(inflate);
const inflateBare = promisify(inflateRaw);
const limits = { maxOutputLength: maxBodyBytes };

/** The whole body, decompressed. Its Content-Type says nothing: JSON comes as text/plain and as form data too. */
export async function readBody(request: IncomingMessage, share: BodyShare): Promise<Uint8Array | Refusal> {
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) return 'body_too_large';
  const body = await collect(request, share);
  if (typeof body === 'string') return body;
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return body;
  const inflated = await decompress(body, encoding);
  return typeof inflated === 'string' || share.take(inflated.length) ? inflated : 'overloaded';
}

/** The body as it comes. @throws when the connection breaks off before its end */
function collect(request: IncomingMessage, share: BodyShare): Promise<Buffer | Refusal> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | Refusal>();
  let chunks: Buffer[] = [];
  let refused = false;
  const refuse = (refusal: Refusal) => {
    refused = true;
    chunks = [];
    resolve(refusal);
  };
  let length = 0;
  request.on('data', (chunk: Buffer) => {
    if (refused) return; // the rest is read and forgotten, so that the client sees the answer
    length += chunk.length;
    if (length > maxBodyBytes) refuse('body_too_large');
    else if (!share.take(chunk.length)) refuse('overloaded');
    else chunks.push(chunk);
  });
  request.on('end', () => {
    resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
    chunks = []; // the request lives until it is answered, and would hold them until then
  });
  request.on('error', reject); // also when the connection breaks off
  return promise;
}

async function decompress(body: Buffer, encoding: string): Promise<Uint8Array | Refusal> {
  try {
    if (encoding === 'deflate') return await (hasZlibHeader(body) ? inflateZlib : inflateBare)(body, limits);
    if (!Object.hasOwn(decompressors, encoding)) return 'malformed_encoding';
    return await decompressors[encoding as keyof typeof decompressors](body, limits);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ERR_BUFFER_TOO_LARGE' ? 'body_too_large' : 'malformed_encoding';
  }
}

/** "deflate" is zlib by the standard (RFC 9110), yet some clients send bare deflate data. */
function hasZlibHeader(body: Buffer): boolean {
  return body.length >= 2 && ((body[0] ?? 0) & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0;
}
