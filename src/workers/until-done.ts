import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '../log.ts';

/** Does something that needs a server, again and again until it works. @returns what it gives */
export async function untilDone<T>(work: () => Promise<T>, log: Logger, failure: string): Promise<T> {
  for (let waitMs = 200; ; waitMs = Math.min(2_000, waitMs * 2)) {
    try {
      return await work();
    } catch (error) {
      log.warn({ err: error, retryInMs: waitMs }, failure);
      await pause(waitMs);
    }
  }
}
