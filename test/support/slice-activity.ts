import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { createDeliverSlice, type DeliverDeps } from '../../src/activities/deliver-slice.ts';
import { HeldSlots } from '../../src/activities/held-slots.ts';
import type { LeaseWatcher } from '../../src/activities/lease-watcher.ts';
import { SuppressionList } from '../../src/activities/suppression-list.ts';
import { accountsOf, shortTiming, type Engine } from './engine.ts';

/** The activity as a worker runs it, with as much of Temporal's context around it as it uses. */
export function sliceActivity(
  { db, head }: Engine,
  options: { readonly leases: LeaseWatcher } & Pick<DeliverDeps, 'openSender'> &
    Partial<Pick<DeliverDeps, 'timing' | 'tell'>>,
) {
  const shutdown = new AbortController();
  const heartbeats: unknown[] = [];
  const context = {
    cancellationSignal: shutdown.signal,
    heartbeat: (details: unknown) => void heartbeats.push(details),
  } as unknown as Context;
  const deliver = createDeliverSlice({
    db,
    head,
    accounts: accountsOf(db),
    heldSlots: new HeldSlots({ stream: 1, replay: 1 }),
    suppressions: new SuppressionList(db),
    timing: shortTiming,
    tell: () => undefined,
    ...options,
  });
  const run = (runId: string) => asyncLocalStorage.run(context, () => deliver({ runId, lane: 0 }));
  return { run, shutDown: () => shutdown.abort(), heartbeats };
}
