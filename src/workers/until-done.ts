import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '../log.ts';

/** Does something that needs a server, again and again until it works. */
export async function untilDone(work: () => Promise<void>, log: Logger, failure: string): Promise<void> {
  for (let waitMs = 200; ; waitMs = Math.min(2_000, waitMs * 2)) {
    try {
      return await work();
    } catch (error) {
      log.warn({ err: error, retryInMs: waitMs }, failure);
      await pause(waitMs);
    }
  }
}
