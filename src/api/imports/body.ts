import type { Readable } from 'node:stream';

/** The upload broke off: the connection was lost, or nothing came for a long time. */
export class UploadCut extends Error {}

/** Who sends nothing for so long while we wait for him is taken to be gone; milliseconds. */
const silenceMs = 60_000;

/**
 * The pieces of a request's body as they arrive. The request itself stays open whatever happens, so that it can be
 * answered.
 * @param until its reason is thrown when it aborts
 * @throws UploadCut
 */
export async function* bodyChunks(body: Readable, until: AbortSignal): AsyncGenerator<Buffer> {
  const chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  for (;;) {
    const next = await nextOf(chunks, until);
    if (next.done === true) return;
    yield next.value;
  }
}

async function nextOf(chunks: AsyncIterator<Buffer>, until: AbortSignal): Promise<IteratorResult<Buffer>> {
  until.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(until.reason as Error);
  until.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(() => reject(new UploadCut('nothing came for a minute')), silenceMs);
  const next = chunks.next().catch((error: Error) => {
    throw new UploadCut(error.message);
  });
  try {
    return await Promise.race([next, promise]);
  } finally {
    clearTimeout(timer);
    until.removeEventListener('abort', stop);
    next.catch(() => undefined);
  }
}
