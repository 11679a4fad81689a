import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../db/database.ts';
import type { HeadWatch } from '../db/head-watch.ts';
import { claimParked, passParked } from '../db/parked-streams.ts';
import type { Logger } from '../log.ts';
import { streamWorkflowId, type Orchestrator } from '../temporal/orchestrator.ts';

const lookEveryMs = 1_000;
/** Appends come many a second; parked streams need not be looked up for each. */
const gapMs = 50;
/** How many streams are woken side by side: one event may be for hundreds. */
const wakersAtOnce = 20;

/**
 * Wakes parked streams that have something to send between their mark and the head of the archive, a retry due, or a
 * wish to hear. After an append it looks at what has come in; once a second at all that lies above the marks, and moves
 * them on where nothing was to send. Level-triggered: a wake-up that gets lost is repeated.
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
  let seen = 0; // up to here appends have been looked at
  const lookAtNews = async () => {
    const to = head.head;
    const woken = await claimParked(db, { after: seen, to });
    seen = to;
    await wakeAll(orchestrator, woken);
  };
  const lookAtAll = async () => {
    for (let more = true; more && !over.signal.aborted;) {
      const to = head.head;
      const pass = await passParked(db, to);
      more = pass.more;
      if (!more) seen = Math.max(seen, to);
      await wakeAll(orchestrator, pass.woken);
    }
  };
  const loop = async () => {
    let allAt = 0;
    while (!over.signal.aborted) {
      const all = performance.now() >= allAt;
      if (all) allAt = performance.now() + lookEveryMs;
      const look = all ? lookAtAll : lookAtNews;
      await look().catch((error: unknown) => log.warn({ err: error }, 'parked streams could not be woken'));
      const { promise, resolve } = Promise.withResolvers<void>();
      nudge = resolve;
      if (head.head > seen) resolve();
      const timer = setTimeout(resolve, Math.max(0, allAt - performance.now()));
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

/** Side by side. When Temporal is away it throws; what was not woken is claimed again a little later. */
async function wakeAll(
  orchestrator: Orchestrator,
  woken: readonly { readonly destinationId: string }[],
): Promise<void> {
  const left = [...woken];
  const wakeSome = async () => {
    for (let stream = left.pop(); stream !== undefined; stream = left.pop()) {
      const running = await orchestrator.wake(streamWorkflowId(stream.destinationId));
      if (!running) await orchestrator.startStream(stream.destinationId);
    }
  };
  await Promise.all(Array.from({ length: Math.min(wakersAtOnce, left.length) }, wakeSome));
}
