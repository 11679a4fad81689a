import { setTimeout as delay } from 'node:timers/promises';

/** How long a request waits for what it asked of the engine, and how often it looks; milliseconds. */
const engineWait = { waitMs: 3_000, stepMs: 100 } as const;

/**
 * Reads a state until it is as asked, for up to 3 s unless told otherwise: an engine that is at work obeys within that
 * time, and one that is not has nothing to stop.
 * @param stopping when it aborts, the wait is over: a process that ends answers with what it knows
 * @returns the last state that was read, and whether it is as asked
 */
export async function settle<State>(
  read: () => Promise<State>,
  isSettled: (state: State) => boolean,
  stopping: AbortSignal,
  { waitMs, stepMs }: { readonly waitMs: number; readonly stepMs: number } = engineWait,
): Promise<{ readonly state: State; readonly settled: boolean }> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const state = await read();
    if (isSettled(state)) return { state, settled: true };
    if (stopping.aborted || performance.now() >= deadline) return { state, settled: false };
    await delay(stepMs, undefined, { signal: stopping }).catch(() => undefined);
  }
}
