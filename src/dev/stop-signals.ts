import type { Progress } from '../../scripts/progress.mjs';
import type { StopOrder } from './stop-order.ts';

/**
 * One Ctrl-C reaches this process more than once: from the terminal, and from npm, which passes on what it gets itself.
 * Only a signal that comes later than this is a second one.
 */
const samePressMs = 1_000;

/** Stops everything at the first signal and ends this process; a second one does not wait for the slow. */
export function stopOnSignals(order: StopOrder, stopping: AbortController, progress: Progress): void {
  let firstAt = 0;
  const onSignal = () => {
    if (firstAt === 0) {
      firstAt = performance.now();
      stopping.abort();
      void stopAll(order, progress);
    } else if (performance.now() - firstAt > samePressMs) {
      progress.say('Not waiting any longer.');
      order.cutShort();
    }
  };
  // SIGHUP: the terminal was closed
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  process.on('disconnect', onSignal); // a test run that started it, by a channel to it, was killed
}

async function stopAll(order: StopOrder, progress: Progress): Promise<void> {
  const step = progress.start('Stopping; once more Ctrl-C does not wait for deliveries under way');
  await order.stop();
  step.done('Stopped; the data stays for the next start');
  process.exit(0);
}
