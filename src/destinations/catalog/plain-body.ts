import zlib from 'node:zlib';

/** Bytes of an answer that a definition gets; more than its own framework takes at a time without hanging. */
export const answerBytes = 262_144;
/** Of one to a question of somebody who waits: a list of choices has no end that a service would know of. */
export const questionAnswerBytes = 4_194_304;

const unpackers: Readonly<Record<string, (body: Uint8Array, options: zlib.ZlibOptions) => Buffer>> = {
  gzip: zlib.gunzipSync,
  'x-gzip': zlib.gunzipSync,
  deflate: zlib.inflateSync,
};

/**
 * Nobody is asked for a compressed body; who sends one all the same is read as far as a plain one would be.
 * @param encoding its content-encoding, if it has one @param most bytes that it may have when it is unpacked
 * @returns the body as it came where it is not packed, or cannot be unpacked; null: it is longer
 */
export function plainBody(body: Buffer, encoding: unknown, most: number): Buffer | null {
  const unpack = unpackers[typeof encoding === 'string' ? encoding.toLowerCase() : 'identity'];
  if (unpack === undefined) return body;
  try {
    return unpack(body, { maxOutputLength: most });
  } catch (error) {
    const isLonger = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    return isLonger ? null : body;
  }
}
