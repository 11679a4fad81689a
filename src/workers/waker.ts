import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../db/database.ts';
import type { HeadWatch } from '../db/head-watch.ts';
import { claimParked } from '../db/open-runs.ts';
import type { Logger } from '../log.ts';
import { streamWorkflowId, type Orchestrator } from '../temporal/orchestrator.ts';

const lookEveryMs = 1_000;
/** Appends come many a second; parked streams need not be looked up for each. */
const gapMs = 50;

/**
 * Wakes parked streams that stand below the head of the archive or have a retry due: once a second and after an
 * append. Level-triggered: a wake-up that gets lost is repeated.
 * @returns what ends it
 */
export function startWaker(
  db: Database,
  head: HeadWatch,
  orchestrator: Orchestrator,
  log: Logger,
): () => Promise<void> {
  const over = new AbortController();
  let nudge: () => void = () => undefined;
  const unwatch = head.onRise(() => nudge());
  const look = async () => {
    for (const { destinationId } of await claimParked(db, head.head)) {
      const running = await orchestrator.wake(streamWorkflowId(destinationId));
      if (!running) await orchestrator.startStream(destinationId);
    }
  };
  const loop = async () => {
    while (!over.signal.aborted) {
      await look().catch((error: unknown) => log.warn({ err: error }, 'parked streams could not be woken'));
      const { promise, resolve } = Promise.withResolvers<void>();
      nudge = resolve;
      const timer = setTimeout(resolve, lookEveryMs);
      await promise;
      clearTimeout(timer);
      await pause(gapMs);
    }
  };
  const ended = loop();
  return async () => {
    over.abort();
    unwatch();
    nudge();
    await ended;
  };
}
