import { continueAsNew, proxyActivities, sleep, workflowInfo } from '@temporalio/workflow';
import type { OrchestrateActivities } from '../activities/orchestrate.ts';

const { ensureFanOut, reconcile } = proxyActivities<OrchestrateActivities>({
  startToCloseTimeout: '5m',
  heartbeatTimeout: '1m',
  retry: { initialInterval: '1s', maximumInterval: '10s' },
});

const everyMs = 5_000;
/** Every so many rounds all runs are looked at, not only those that nobody seems to work. */
const fullEvery = 12;

/**
 * The one workflow behind all streams and replays: again and again it makes what runs equal to what the rows want.
 * It holds no state, so losing it, or all of Temporal's store, loses nothing.
 */
export async function fanOut(): Promise<void> {
  for (let round = 0; !workflowInfo().continueAsNewSuggested; round++) {
    await reconcile({ full: round % fullEvery === 0 });
    await sleep(everyMs);
  }
  await continueAsNew<typeof fanOut>();
}

/** Started by a Schedule: a fan-out that somebody terminated runs again within a minute. */
export async function watchFanOut(): Promise<void> {
  await ensureFanOut();
}
