import { once } from 'node:events';
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { adminToken } from './api.ts';
import { checkDocumented } from './documented.ts';

/** An upload's answer. */
export interface Uploaded {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into whatever came
  readonly body: any;
}

/** Begins an upload and leaves its body to the caller. */
export function openUpload(url: string, path: string, headers: Record<string, string> = {}): ClientRequest {
  const all = { authorization: `Bearer ${adminToken}`, ...headers };
  return httpRequest(url + path, { method: 'POST', headers: all });
}

/** Uploads a file as curl does: whole, or piece by piece as it is made. */
export async function upload(
  url: string,
  path: string,
  file: string | Uint8Array | Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>,
  headers: Record<string, string> = {},
): Promise<Uploaded> {
  const request = openUpload(url, path, headers);
  const answered = answerOf(request, path);
  if (typeof file === 'string' || file instanceof Uint8Array) request.end(file);
  else Readable.from(file, { objectMode: false }).pipe(request);
  return await answered;
}

/** Reads the answer, and holds it against the reference. */
export async function answerOf(request: ClientRequest, path: string): Promise<Uploaded> {
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  request.on('error', () => undefined); // an early answer may cut what is still being written
  const text = (await buffer(response)).toString();
  const body: unknown = text === '' ? undefined : JSON.parse(text);
  const status = response.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, value] of Object.entries(response.headers)) headers.set(name, String(value));
  checkDocumented('POST', path, { status, headers, text, body });
  return { status, headers: response.headers, body };
}
