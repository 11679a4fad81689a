import { setTimeout as sleep } from 'node:timers/promises';
import type { Stoppable } from './stop-order.ts';

/** A server of ours that runs. */
export interface Server extends Stoppable {
  readonly port: number;
  readonly onExit: (listener: () => void) => void;
}

const firstPauseMs = 500;
const longestPauseMs = 15_000;

/**
 * Keeps a server running: when it ends without having been told to, it is started again by `restart`, on the port that
 * others know it by.
 * @param restart starts it; what it gives back on another port is stopped, and tried again
 */
export function keepServer<T extends Server>(
  name: string,
  first: T,
  restart: () => Promise<T>,
  say: (line: string) => void,
): Stoppable {
  const stopped = new AbortController();
  let current: Promise<T> = Promise.resolve(first);

  const startAgain = async (): Promise<T> => {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      await sleep(pauseMs, undefined, { signal: stopped.signal });
      const again = await restart().catch((error: Error) => say(`${name}: ${error.message}`));
      if (again?.port === first.port) return again;
      if (again === undefined) continue;
      say(`${name}: another program took port ${first.port}; waiting for it to be free`);
      await again.stop();
    }
  };
  const watchAgain = (server: T) => {
    say(`${name} runs again`);
    watch(server);
  };
  const watch = (server: T) =>
    server.onExit(() => {
      if (stopped.signal.aborted) return;
      say(`${name} ended; starting it again`);
      current = startAgain();
      void current.then(watchAgain, () => undefined); // stopped meanwhile
    });
  watch(first);

  const stop = async () => {
    stopped.abort();
    await current.then(
      (server) => server.stop(),
      () => undefined,
    );
  };
  const cut = () =>
    void current.then(
      (server) => server.cut?.(),
      () => undefined,
    );
  return { stop, cut };
}
