import type { RunRecord } from '../db/runs.ts';
import { endRunIfDue } from '../db/run-end.ts';
import { openStreamRun } from '../db/streams.ts';
import type { ApiDeps } from './deps.ts';
import { settle } from './settle.ts';

type Engine = Pick<ApiDeps, 'db' | 'log' | 'orchestrator' | 'stopping'>;

/**
 * Asks something of Temporal after the rows are written. When it is away nothing is lost: the rows say what is wanted,
 * and fan-out acts on them once it is back.
 */
export async function tell(deps: Engine, what: string, ask: () => Promise<unknown>): Promise<void> {
  try {
    await ask();
  } catch (error) {
    deps.log.warn({ err: error }, `temporal did not take it: ${what}`);
  }
}

/**
 * Tells a workflow that its run's row is worth reading again. Nobody waits for it: with Temporal away it takes seconds,
 * and the workers look at the row by themselves.
 */
export function wake(deps: Engine, workflowId: string): void {
  void tell(deps, 'wake', () => deps.orchestrator.wake(workflowId));
}

/** Waits until a destination's stream has ended, or 3 s. @returns whether it has */
export async function streamEnded(deps: Engine, destinationId: string): Promise<boolean> {
  const read = async () => {
    const run = await openStreamRun(deps.db, destinationId);
    return run === null ? null : await endIfDue(deps, run.id);
  };
  return (await settle(read, (run) => run === null || run.endedAt !== null, deps.stopping)).settled;
}

/** Waits until a destination's stream goes on as it was changed, or 3 s. @returns whether it does */
export async function streamChanged(deps: Engine, destinationId: string): Promise<boolean> {
  const read = async () => {
    const run = await openStreamRun(deps.db, destinationId);
    return run?.changing === true ? await endIfDue(deps, run.id) : null;
  };
  return (await settle(read, (run) => run === null || run.endedAt !== null, deps.stopping)).settled;
}

/** Waits until cancelled replays have ended, or 3 s. @returns whether all have */
export async function replaysEnded(deps: Engine, ids: readonly string[]): Promise<boolean> {
  const read = () => Promise.all(ids.map((id) => endIfDue(deps, id)));
  return (
    await settle(read, (runs) => runs.every((run) => run === null || run.endedAt !== null), deps.stopping)
  ).settled;
}

/** Ends a cancelled run that nobody works any more, as the reconciler would; the run as it then stands. */
export async function endIfDue(deps: Engine, runId: string): Promise<RunRecord | null> {
  return await deps.db.transaction((tx) => endRunIfDue(tx, runId));
}
