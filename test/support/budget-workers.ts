import { onTestFinished } from 'vitest';
import { openDatabase, type Database } from '../../src/db/database.ts';
import { changeDestination } from '../../src/db/destinations.ts';
import type { Budget } from '../../src/core/budget.ts';
import { runSlice, type Engine } from './engine.ts';

/** A worker of its own, as far as Postgres can tell: what it knows of an account, it knows by its own connections. */
export function newWorker({ url }: { url: string }): Database {
  const db = openDatabase({ url, name: 'worker', maxConnections: 6 });
  onTestFinished(() => db.close());
  return db;
}

/** Works lanes of a run, each on one of the workers in turn, slice after slice until they end or are stopped. */
export function workOn(
  engine: Engine,
  runId: string,
  lanes: number,
  workers: readonly Database[],
): { stop(): Promise<void>; done: Promise<void> } {
  const stop = new AbortController();
  const work = async (lane: number) => {
    const db = workers[lane % workers.length]!;
    while (!stop.signal.aborted) {
      const end = await runSlice(engine, runId, { lane, db, signal: stop.signal });
      if (end.kind !== 'more' && end.kind !== 'idle' && end.kind !== 'held') return;
    }
  };
  const done = Promise.all(Array.from({ length: lanes }, (_, lane) => work(lane))).then(() => undefined);
  const end = async () => {
    stop.abort();
    await done;
  };
  onTestFinished(end);
  return { done, stop: end };
}

/** Changes the budget as the API does. */
export async function setBudget({ db, destinationId }: Engine, budget: Budget): Promise<void> {
  await db.transaction((tx) => changeDestination(tx, destinationId, { budget }));
}
