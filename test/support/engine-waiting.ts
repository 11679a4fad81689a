import { expect, vi } from 'vitest';
import { replayStatus, type StatusView } from '../../src/core/replay-status.ts';
import { sql } from '../../src/db/sql.ts';
import { runOf, runSlice, skippingClock, type Engine, type RanSlice, type SliceOverrides } from './engine.ts';

export interface WaitingRow {
  readonly position: number;
  readonly actionId: string;
  readonly attempts: number;
  readonly rounds: number;
  /** Null: behind an earlier event of its user. */
  readonly dueInMs: number | null;
}

/** A run's waiting rows, by position. */
export async function waitingOf({ db }: Pick<Engine, 'db'>, runId: string): Promise<WaitingRow[]> {
  return await db.rows<WaitingRow>(sql`
    select position, action_id as "actionId", attempts, rounds,
      extract(epoch from due_at - clock_timestamp())::float8 * 1000 as "dueInMs"
    from waiting_delivery where run_id = ${runId} order by position, action_id`);
}

/** Works a slice, time passing quickly, until so many deliveries have been tried in vain and wait for their time. */
export async function workUntilWaiting(
  engine: Engine,
  runId: string,
  count: number,
  overrides: SliceOverrides = {},
): Promise<RanSlice> {
  const clock = skippingClock();
  const timing = { sliceMs: 24 * 3_600_000, ...overrides.timing };
  const working = runSlice(engine, runId, { ...overrides, now: clock.now, timing });
  let ended = false;
  const over = () => (ended = true);
  working.then(over, over);
  for (;;) {
    const before = engine.sink.arrivals.length;
    const isNews = async () =>
      (await triedOf(engine, runId)) >= count || engine.sink.arrivals.length > before || ended;
    await vi.waitFor(async () => expect(await isNews()).toBe(true), { timeout: 10_000, interval: 20 });
    await vi.waitFor(() => expect(engine.sink.open).toBe(0), { timeout: 5_000, interval: 5 });
    if (ended || (await triedOf(engine, runId)) >= count) return await working;
    clock.skip(61_000); // longer than a delivery is tried within a slice
  }
}

/** How many deliveries of a run were tried in vain and have a time of their own. */
async function triedOf(engine: Engine, runId: string): Promise<number> {
  return (await waitingOf(engine, runId)).filter(({ dueInMs }) => dueInMs !== null && dueInMs > 1_000).length;
}

/**
 * The time of all that waits has come.
 * @param failing.firstFailed how long it has been failing by now; a Postgres interval
 * @param failing.rounds how often it was set aside by now, if not as often as its rows say
 */
export async function comesDue(
  { db }: Pick<Engine, 'db'>,
  runId: string,
  { firstFailed = '1 minute', rounds = null }: { firstFailed?: string; rounds?: number | null } = {},
): Promise<void> {
  await db.run(sql`
    update waiting_delivery set due_at = clock_timestamp(), first_failed_at = clock_timestamp() - ${firstFailed}::interval,
      rounds = coalesce(${rounds}::integer, rounds)
    where run_id = ${runId} and due_at is not null`);
}

/** The status as the API tells it. */
export async function statusOf(engine: Pick<Engine, 'db'>, runId: string): Promise<StatusView> {
  return replayStatus(await runOf(engine, runId));
}
