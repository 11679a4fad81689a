import { setTimeout as delay } from 'node:timers/promises';
import { forgetOldAnswers } from '../db/idempotency.ts';
import { thinLaneHistory } from '../db/lane-history.ts';
import { tellOfFailing } from '../db/destination-failing.ts';
import { forgetOldOperatorEvents, tellOfHealth } from '../db/operator-events.ts';
import { dropTooOld } from '../db/retention/drop.ts';
import { sumUpChunks } from '../db/search/summaries.ts';
import { forgetOldUsage } from '../db/source-usage.ts';
import { createNotifier } from './notifications/send.ts';
import { workDeletions } from './deletions/work.ts';
import type { ApiDeps } from './deps.ts';

type Upkeep = Pick<ApiDeps, 'db' | 'orchestrator' | 'keyring' | 'egress' | 'log' | 'stopping'>;

/** Milliseconds between two looks; a look that failed is repeated sooner. */
const fanOutMs = 60_000;
const fanOutRetryMs = 5_000;
const forgetMs = 3_600_000;
const forgetUsageMs = 60_000;
const healthMs = 10_000;
const deletionsMs = 1_000;
const notificationsMs = 1_000;
const chunksMs = 2_000;
const retentionMs = 60_000;
const retentionRetryMs = 5_000;

/** What the API does beside answering, until the process ends. Nothing of it holds up readiness. */
export async function upkeep(deps: Upkeep): Promise<void> {
  const notifier = createNotifier(deps);
  await Promise.all([
    // Again and again, because a Temporal whose store was lost has no Schedule either that would start fan-out.
    repeat(deps, 'fan-out', { everyMs: fanOutMs, retryMs: fanOutRetryMs }, () =>
      deps.orchestrator.ensureFanOut(),
    ),
    repeat(deps, 'kept answers', { everyMs: forgetMs, retryMs: forgetMs }, () => forgetOldAnswers(deps.db)),
    repeat(deps, 'history of counts', { everyMs: forgetMs, retryMs: forgetMs }, () =>
      thinLaneHistory(deps.db),
    ),
    repeat(deps, 'old operator events', { everyMs: forgetMs, retryMs: forgetMs }, () =>
      forgetOldOperatorEvents(deps.db),
    ),
    repeat(deps, 'health of destinations', { everyMs: healthMs, retryMs: healthMs }, async () => {
      await tellOfHealth(deps.db);
      await tellOfFailing(deps.db);
    }),
    repeat(deps, 'usage of sources', { everyMs: forgetUsageMs, retryMs: forgetUsageMs }, () =>
      forgetOldUsage(deps.db),
    ),
    repeat(deps, 'deletions', { everyMs: deletionsMs, retryMs: deletionsMs }, () => workDeletions(deps)),
    repeat(deps, 'notifications', { everyMs: notificationsMs, retryMs: notificationsMs }, () =>
      notifier.look(),
    ),
    repeat(deps, 'what the archive holds', { everyMs: chunksMs, retryMs: retentionRetryMs }, () =>
      sumUpChunks(deps.db, () => !deps.stopping.aborted),
    ),
    repeat(deps, 'retention', { everyMs: retentionMs, retryMs: retentionRetryMs }, () => dropTooOld(deps.db)),
  ]);
  await notifier.idle();
}

async function repeat(
  deps: Upkeep,
  what: string,
  pause: { everyMs: number; retryMs: number },
  work: () => Promise<unknown>,
): Promise<void> {
  while (!deps.stopping.aborted) {
    let pauseMs = pause.everyMs;
    try {
      await work();
    } catch (error) {
      pauseMs = pause.retryMs;
      if (!deps.stopping.aborted) deps.log.warn({ err: error }, `upkeep failed: ${what}`);
    }
    await delay(pauseMs, undefined, { signal: deps.stopping, ref: false }).catch(() => undefined);
  }
}
