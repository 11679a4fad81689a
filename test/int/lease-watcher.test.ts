import { expect, onTestFinished, test, vi } from 'vitest';
import { LeaseWatcher } from '../../src/activities/lease-watcher.ts';
import { takeLaneWhenFree } from '../../src/activities/take-lane.ts';
import { leaseMs } from '../../src/core/lease.ts';
import { readHeldLeases } from '../../src/db/held-leases.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import { append, newEngine, newReplay, take, turns } from '../support/engine.ts';
import { watchedDatabase } from '../support/engine-faults.ts';

const db = await testDatabase();

/** A lane in the hands of a worker, watched by another process on a clock that only the test moves. */
async function newScene() {
  const engine = await newEngine(db);
  await append(engine, turns(2));
  const run = await newReplay(engine);
  const lane = { runId: run, lane: 0 };
  await take(db, run);
  const clock = { ms: 0 };
  const watcher = new LeaseWatcher(db, () => clock.ms);
  onTestFinished(() => watcher.close());
  await watcher.look();
  const renew = () => db.run(sql`update lane set lease_renewals = lease_renewals + 1 where run_id = ${run}`);
  /** Asks for the lane as a retried activity does. @returns how it went, and how often it looked */
  const ask = async () => {
    let looks = 0;
    const counted = watchedDatabase(db, ({ at }) => void (looks += at === 'begin' ? 1 : 0));
    const asking = { now: () => clock.ms, signal: new AbortController().signal, limitMs: 60_000 };
    const taking = takeLaneWhenFree(counted, lane, asking, watcher.seen(lane));
    const first = await Promise.race([
      taking,
      vi.waitFor(() => expect(looks).toBeGreaterThan(2), { timeout: 5_000 }).then(() => null),
    ]);
    clock.ms += 60_000; // whoever still waits gives up
    await taking;
    return { kind: first?.kind ?? 'waits', looks };
  };
  return { run, lane, clock, watcher, renew, ask };
}

test('a lease that was seen to stand still is taken at once by who is asked to go on', async () => {
  const { clock, ask } = await newScene();
  clock.ms = leaseMs;
  expect(await ask()).toEqual({ kind: 'taken', looks: 1 });
});

test('one that has not stood still for its length is waited for', async () => {
  const { clock, ask } = await newScene();
  clock.ms = leaseMs - 1;
  expect(await ask()).toMatchObject({ kind: 'waits' });
});

test('one whose renewals moved is not taken: between two looks, or after the last one', async () => {
  const between = await newScene();
  between.clock.ms = 3_000;
  await between.renew();
  await between.watcher.look();
  between.clock.ms = leaseMs + 2_999;
  expect(await between.ask()).toMatchObject({ kind: 'waits' });
  const after = await newScene();
  after.clock.ms = leaseMs;
  await after.renew();
  expect(await after.ask()).toMatchObject({ kind: 'waits' });
});

test('one that was let go and taken again by somebody is his', async () => {
  const { run, lane, clock, watcher, ask } = await newScene();
  await db.run(sql`update lane set lease_released = true where run_id = ${run}`);
  await watcher.look();
  expect(watcher.seen(lane)).toBeNull();
  await take(db, run);
  await watcher.look();
  clock.ms = leaseMs - 1;
  expect(await ask()).toMatchObject({ kind: 'waits' });
});

test('a process looks by itself, at what is held only, and goes on after Postgres was away', async () => {
  const { run, lane } = await newScene();
  let away = true;
  const shaky = watchedDatabase(db, () => {
    if (away) throw new Error('away');
  });
  const watcher = new LeaseWatcher(shaky, () => performance.now());
  onTestFinished(() => watcher.close());
  await expect(watcher.look()).rejects.toThrow('away');
  away = false;
  await vi.waitFor(() => expect(watcher.seen(lane)).toMatchObject({ renewals: 1 }), { timeout: 5_000 });
  const { since } = watcher.seen(lane)!;
  await vi.waitFor(() => expect(performance.now() - since).toBeGreaterThan(2_500), { timeout: 5_000 });
  expect(watcher.seen(lane)).toEqual({ renewals: 1, since });
  await db.run(sql`update lane set lease_released = true where run_id = ${run}`);
  expect((await readHeldLeases(db)).map(({ runId }) => runId)).not.toContain(run);
  await vi.waitFor(() => expect(watcher.seen(lane)).toBeNull(), { timeout: 5_000 });
});
