import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { countedEvents, sumCounts } from '../core/counts.ts';
import { outsideWindow, type HolderWish } from '../core/replay-status.ts';
import type { Database } from '../db/database.ts';
import { disableDestination } from '../db/destination-state.ts';
import { settleCanary } from '../db/canary.ts';
import type { HeadWatch } from '../db/head-watch.ts';
import { LeaseLost } from '../db/lane-commit.ts';
import { readLaneKnowledge } from '../db/lane-knowledge.ts';
import type { TakenLane } from '../db/lane-lease.ts';
import { desiredOfHolderOf, readRuns, type RunRecord } from '../db/runs.ts';
import { sql } from '../db/sql.ts';
import type { Sender } from '../destinations/definition.ts';
import { lanesHeld, leasesLost } from '../metrics/delivery.ts';
import type { SliceInput, SliceResult } from '../workflows/messages.ts';
import type { Accounts } from './accounts.ts';
import type { HeldSlots } from './held-slots.ts';
import type { TellNews } from './lane-news.ts';
import type { LeaseWatcher } from './lease-watcher.ts';
import { brakeSideEffects } from './side-effects-brake.ts';
import { Slice } from './slice.ts';
import type { SliceEnd } from './slice-end.ts';
import type { SliceTiming } from './slice-timing.ts';
import type { SuppressionList } from './suppression-list.ts';
import { takeLaneWhenFree } from './take-lane.ts';

export interface DeliverDeps {
  readonly db: Database;
  readonly head: HeadWatch;
  readonly accounts: Accounts;
  readonly heldSlots: HeldSlots;
  /** Watches on the clock of `performance.now()`. */
  readonly leases: LeaseWatcher;
  /** Opens a destination with its newest settings. */
  readonly openSender: (lane: TakenLane, db: Database) => Promise<Sender>;
  readonly suppressions: SuppressionList;
  readonly timing: SliceTiming;
  readonly tell: TellNews;
}

const heartbeatMs = 1_000;
const monotonic = () => performance.now();

/** Works one lane of a run for a bounded time. What it leaves is in the database; the result is a copy for people. */
export function createDeliverSlice(deps: DeliverDeps): (input: SliceInput) => Promise<SliceResult> {
  return async (input) => {
    let slice: Slice | null = null;
    const beat = setInterval(() => heartbeat(slice?.progress ?? { taking: true }), heartbeatMs);
    try {
      await brakeSideEffects(deps, input);
      const limitMs = deps.timing.sliceMs;
      const clock = { now: monotonic, signal: cancellationSignal(), limitMs };
      const taken = await takeLaneWhenFree(deps.db, input, clock, deps.leases.seen(input));
      if (taken === null) return await resultOf(deps, input, { kind: 'more' });
      if (taken.kind === 'ended') return await resultOf(deps, input, { kind: 'done' });
      if (taken.kind === 'stopped') return await resultOf(deps, input, { kind: 'stopped' });
      const { lane } = taken;
      await deps.suppressions.reach(lane.suppressionRevision, clock);
      const sender = await deps.openSender(lane, deps.db);
      lanesHeld.inc({ kind: lane.kind });
      try {
        slice = new Slice(lane, await readLaneKnowledge(deps.db, lane), taken.begunAt, {
          db: deps.db,
          head: deps.head,
          sender,
          suppressions: deps.suppressions,
          accounts: deps.accounts,
          heldSlots: deps.heldSlots,
          tell: deps.tell,
          now: monotonic,
          random: Math.random,
          timing: deps.timing,
          signal: cancellationSignal(),
        });
        const end = await slice.work();
        if (end.kind === 'gone') await disableDestination(deps.db, lane.destination, 'gone');
        const passed = lane.canary !== null && (await settleCanary(deps.db, input.runId));
        if (!passed) return await resultOf(deps, input, end, slice.progress.rate);
        const next = end.kind === 'canary' ? { kind: 'more' as const } : end;
        return { ...(await resultOf(deps, input, next, slice.progress.rate)), wakesOthers: true };
      } catch (error) {
        if (error instanceof LeaseLost) leasesLost.inc({ kind: lane.kind });
        throw error;
      } finally {
        lanesHeld.dec({ kind: lane.kind });
        await sender.close();
      }
    } finally {
      clearInterval(beat);
    }
  };
}

/**
 * What a lane that was stopped does next. A paused one waits for a wish; one that was resumed before it had stopped goes
 * on, one outside its windows when the next one opens; one that is cancelled (or not yet wanted) has nothing to do any more.
 */
const afterStop = {
  running: 'more',
  paused: 'stopped',
  closed: 'stopped',
  cancelled: 'done',
  planned: 'done',
} as const;
/** With its canary sent it waits for its run's other lanes, or for a person. */
const afterCanary = { ...afterStop, running: 'stopped' } as const;

function nextOf({ kind }: SliceEnd, desired: HolderWish): SliceResult['next'] {
  if (kind === 'canary') return afterCanary[desired];
  return kind === 'gone' || kind === 'stopped' ? afterStop[desired] : kind;
}

async function resultOf(deps: DeliverDeps, input: SliceInput, end: SliceEnd, rate = 0): Promise<SliceResult> {
  const [run] = await readRuns(deps.db, sql`r.id = ${input.runId}`);
  const lane = run?.lanes.find((one) => one.lane === input.lane);
  const over = run === undefined || run.endedAt !== null;
  const desired = over ? 'cancelled' : desiredOfHolderOf(run);
  const next = nextOf(end, desired);
  const closed = desired === 'closed' && next === 'stopped' ? opensOf(run!) : null;
  return {
    next,
    wakeAt: lane?.wakeAt?.toISOString() ?? null,
    wakeInMs: 'wakeInMs' in end ? end.wakeInMs : null,
    position: String(lane?.mark ?? 0),
    settled: run === undefined ? 0 : countedEvents(sumCounts(run.lanes.map((one) => one.counts))),
    selected: run?.selected ?? 0,
    rate,
    reason: lane?.stateReason ?? run?.statusReason ?? null,
    ...closed,
  };
}

/** A lane outside its replay's windows rests until one opens. */
function opensOf({
  standing: { opening, now },
}: RunRecord): Pick<SliceResult, 'wakeAt' | 'wakeInMs' | 'reason'> {
  const opensAt = opening.kind === 'closed' ? opening.opensAt : null;
  return {
    wakeAt: opensAt === null ? null : new Date(opensAt).toISOString(),
    wakeInMs: opensAt === null ? null : opensAt - now,
    reason: outsideWindow,
  };
}
