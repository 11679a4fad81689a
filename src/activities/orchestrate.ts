import { cancellationSignal, heartbeat } from '@temporalio/activity';
import type { Database } from '../db/database.ts';
import { claimWake, readOpenRuns, type OpenRun } from '../db/open-runs.ts';
import { countReplay } from '../db/replay-count.ts';
import { freeToEnd, endRunIfDue, failRun } from '../db/run-end.ts';
import type { RunRecord } from '../db/runs.ts';
import { beginIfDue, dueToBegin } from '../db/scheduled-start.ts';
import { openStreamRun } from '../db/streams.ts';
import type { AppendOptions } from '../db/archive/append.ts';
import { pruneIdentities } from '../db/archive/prune.ts';
import { replayWorkflowId, streamWorkflowId, type Orchestrator } from '../temporal/orchestrator.ts';

export interface OrchestrateDeps extends AppendOptions {
  readonly db: Database;
  readonly orchestrator: Orchestrator;
}

/** How a replay stands that was planned for a time of its own. */
export type ReplayStart =
  | { readonly stands: 'planned'; readonly startsAt: string | null; readonly inMs: number | null }
  | { readonly stands: 'begun' }
  | { readonly stands: 'over'; readonly as: string | null };

/** What the workflows do beside delivering. */
export function createOrchestrateActivities({ db, orchestrator, dedupeWindow }: OrchestrateDeps) {
  return {
    /**
     * Counts what a replay selects, and marks the dead letters that it takes up; heartbeats between windows. When its
     * worker stops it fails, so that another one goes on.
     */
    async countReplay({ runId }: { runId: string }): Promise<void> {
      const signal = cancellationSignal();
      await countReplay(db, runId, () => {
        heartbeat();
        return !signal.aborted;
      });
      signal.throwIfAborted();
    },

    /**
     * Begins a planned replay if its time has come and its destination is free. inMs: when to ask again; null: when
     * somebody says so, as the destination is busy.
     */
    async beginReplay({ runId }: { runId: string }): Promise<ReplayStart> {
      return startOf(await begin(db, runId));
    },

    /** Ends a run if its time has come. False: a lane of it is still in somebody's hands. */
    async finishRun({ runId }: { runId: string }): Promise<{ ended: boolean; as: string | null }> {
      const run = await db.transaction((tx) => endRunIfDue(tx, runId));
      return { ended: run?.endedAt !== null, as: run?.endedAs ?? null };
    },

    /** The open stretch of a destination's stream, null when it has none. */
    async streamRun({ destinationId }: { destinationId: string }): Promise<string | null> {
      return (await openStreamRun(db, destinationId))?.id ?? null;
    },

    /**
     * Makes what runs in Temporal equal to what the rows want, so that Temporal's store can be lost.
     * @param input.full looks at every run, not only at those that nobody seems to work
     */
    async reconcile({ full }: { full: boolean }): Promise<void> {
      const failures: unknown[] = [];
      // What goes wrong with one run must not keep the others from what they want.
      const each = async <T>(list: readonly T[], work: (one: T) => Promise<void>) => {
        for (const one of list) await work(one).catch((error: unknown) => failures.push(error));
      };
      await each(await freeToEnd(db), (runId) => endFree({ db, orchestrator }, runId));
      await each(await dueToBegin(db), async (runId) => void (await begin(db, runId)));
      await each(await readOpenRuns(db), async (run) => {
        if (!full && isQuiet(run)) return;
        heartbeat();
        await reconcileRun({ db, orchestrator }, run);
      });
      if (full) await pruneIdentities(db, dedupeWindow);
      if (failures.length > 0) throw failures[0];
    },

    /** Starts fan-out again if it is not running. */
    ensureFanOut: (): Promise<void> => orchestrator.ensureFanOut(),
  };
}

export type OrchestrateActivities = ReturnType<typeof createOrchestrateActivities>;

async function begin(db: Database, runId: string): Promise<RunRecord | null> {
  return await db.transaction((tx) => beginIfDue(tx, runId));
}

/** Its workflow is there, or nobody misses it. */
const isQuiet = (run: OpenRun) => (run.worked || run.parked) && run.wakeFor === null;

function startOf(run: RunRecord | null): ReplayStart {
  if (run === null || run.endedAt !== null) return { stands: 'over', as: run?.endedAs ?? null };
  if (run.desired !== 'planned') return { stands: 'begun' };
  const { startsInMs } = run.standing;
  if (startsInMs === null || startsInMs <= 0) return { stands: 'planned', startsAt: null, inMs: null };
  return { stands: 'planned', startsAt: run.schedule!.startAt!, inMs: Math.ceil(startsInMs) };
}

async function endFree({ db, orchestrator }: OrchestrateDeps, runId: string): Promise<void> {
  const run = await db.transaction((tx) => endRunIfDue(tx, runId));
  // It was changed: its lanes stopped for that and may go on.
  if (run?.kind === 'replay' && run.endedAt === null) {
    await orchestrator.wake(replayWorkflowId(run.destinationId, runId));
  }
}

async function reconcileRun({ db, orchestrator }: OrchestrateDeps, run: OpenRun): Promise<void> {
  if (run.kind === 'stream') await orchestrator.startStream(run.destinationId);
  else await reconcileReplay({ db, orchestrator }, run);
  if (run.wakeFor !== null && (await claimWake(db, run.runId, run.wakeFor)))
    await orchestrator.wake(workflowIdOf(run));
}

/** A replay whose workflow is unknown is started; one that somebody terminated by hand ends as failed. */
async function reconcileReplay({ db, orchestrator }: OrchestrateDeps, run: OpenRun): Promise<void> {
  const status = await orchestrator.statusOf(workflowIdOf(run));
  if (status === 'RUNNING' || status === 'CONTINUED_AS_NEW') return;
  if (status === null || status === 'COMPLETED') {
    const { destinationId, runId, lanes, takesUp, label, startsLater } = run;
    await orchestrator.startReplay(
      { destinationId, replayId: runId, lanes, takesUp, ...(startsLater && { startsLater }) },
      label,
    );
    return;
  }
  await db.transaction((tx) => failRun(tx, run.runId, `workflow_${status.toLowerCase()}`));
}

function workflowIdOf(run: OpenRun): string {
  return run.kind === 'stream'
    ? streamWorkflowId(run.destinationId)
    : replayWorkflowId(run.destinationId, run.runId);
}
