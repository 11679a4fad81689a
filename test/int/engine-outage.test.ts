import { describe, expect, test, vi } from 'vitest';
import { LaneHolder } from '../../src/activities/lane-holder.ts';
import { leaseMs } from '../../src/core/lease.ts';
import type { Database } from '../../src/db/database.ts';
import { LeaseLost } from '../../src/db/lane-commit.ts';
import { setReplayDesired } from '../../src/db/replays.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  countsOf,
  newEngine,
  newReplay,
  runOf,
  runSlice,
  runToEnd,
  skippingClock,
  take,
  turns,
  type Engine,
} from '../support/engine.ts';
import { noCommit, noStanding } from '../support/commits.ts';

const db = await testDatabase();
const events = 400;

/** A way to Postgres that may be cut, for all or but for transactions; each question that is lost by that is counted. */
function cuttable() {
  const link: { away: boolean | 'reads'; lost: number } = { away: false, lost: 0 };
  const through = <T>(ask: () => Promise<T>, isRead = true): Promise<T> => {
    if (link.away === false || (link.away === 'reads' && !isRead)) return ask();
    link.lost++;
    return Promise.reject(new Error('Connection terminated unexpectedly'));
  };
  const cut: Database = {
    ...db,
    rows: (statement) => through(() => db.rows(statement)),
    run: (statement) => through(() => db.run(statement)),
    copyOut: (statement, settings) => through(() => db.copyOut(statement, settings)),
    transaction: (work) => through(() => db.transaction(work), false),
  };
  return { link, cut };
}

/** A replay that is half sent when Postgres goes away, for longer than the lease of who works it. */
async function halfSent() {
  const engine = await newEngine(db, { settings: { concurrency: 4 } });
  await append(engine, turns(events, 100));
  engine.sink.answer = () => ({ status: 200, afterMs: 5 });
  const run = await newReplay(engine);
  const { link, cut } = cuttable();
  const [clock, leaving] = [skippingClock(), new AbortController()];
  const working = runSlice(engine, run, { db: cut, now: clock.now, signal: leaving.signal });
  working.catch(() => undefined);
  await engine.sink.arrived(60);
  link.away = true;
  await vi.waitFor(() => expect(link.lost).toBeGreaterThan(0), { timeout: 5_000, interval: 1 });
  await vi.waitFor(() => expect(engine.sink.open).toBe(0), { timeout: 5_000, interval: 1 });
  clock.skip(leaseMs);
  const lost = link.lost;
  await vi.waitFor(() => expect(link.lost).toBeGreaterThan(lost + 1), { timeout: 5_000, interval: 1 });
  return { engine, run, link, working, leaving, sent: engine.sink.arrivals.length };
}

const isDead = async (run: string) =>
  await db.run(sql`update lane set lease_renewed_at = now() - interval '7 s' where run_id = ${run}`);

async function expectEachOnce(engine: Engine, run: string): Promise<void> {
  expect([...engine.sink.taken().values()]).toEqual(Array.from({ length: events }, () => 1));
  expect(await countsOf(engine, run)).toEqual({ delivered: events });
}

describe('Postgres is away for longer than a lease', () => {
  test('what was sent is written down when it is back, and nothing is sent twice', async () => {
    const { engine, run, link, working, sent } = await halfSent();
    expect(engine.sink.arrivals).toHaveLength(sent);
    expect(sent).toBeLessThan(events);
    link.away = false;
    expect(await working).toEqual({ kind: 'done' });
    await expectEachOnce(engine, run);
  });

  test('who was paused meanwhile writes down what was sent, and sends nothing more', async () => {
    const { engine, run, link, working, sent } = await halfSent();
    await isDead(run);
    await setReplayDesired(db, run, 'paused');
    link.away = false;
    expect(await working).toEqual({ kind: 'stopped' });
    expect(engine.sink.arrivals).toHaveLength(sent);
    expect(await countsOf(engine, run)).toEqual({ delivered: sent });
    await setReplayDesired(db, run, 'running');
    await runToEnd(engine, run);
    await expectEachOnce(engine, run);
  });

  test('whose lane somebody else has taken meanwhile writes nothing, and ends', async () => {
    const { engine, run, link, working, sent } = await halfSent();
    await runToEnd(engine, run, { takesOver: true });
    const after = engine.sink.arrivals.length;
    expect(after).toBeGreaterThan(sent);
    link.away = false;
    await expect(working).rejects.toThrow(LeaseLost);
    expect(engine.sink.arrivals).toHaveLength(after);
    expect(await countsOf(engine, run)).toEqual({ delivered: events });
  });

  test('a worker that has to leave does not wait for it', async () => {
    const { working, leaving } = await halfSent();
    leaving.abort();
    await expect(working).rejects.toThrow('Connection terminated');
  });
});

test('a worker that has to leave while a page is asked for in vain writes down what is answered yet', async () => {
  const engine = await newEngine(db, { settings: { concurrency: 16 } });
  await append(engine, turns(3_000, 500));
  const { link, cut } = cuttable();
  engine.sink.answer = () => ({ status: 200, afterMs: link.lost > 0 ? 400 : 0 });
  const run = await newReplay(engine);
  const leaving = new AbortController();
  const working = runSlice(engine, run, { db: cut, signal: leaving.signal });
  working.catch(() => undefined);
  await engine.sink.arrived(60);
  link.away = 'reads';
  await vi.waitFor(() => expect(link.lost).toBeGreaterThan(0), { timeout: 10_000, interval: 1 });
  await vi.waitFor(() => expect(engine.sink.open).toBe(16), { timeout: 5_000, interval: 1 });
  leaving.abort();
  expect(await working).toEqual({ kind: 'more' });
  expect(await countsOf(engine, run)).toEqual({ delivered: engine.sink.arrivals.length });
  expect((await runOf(engine, run)).lanes[0]!.leaseLive).toBe(false);
});

test('a lease that had run out sends again only when what is wanted by then is obeyed', async () => {
  const engine = await newEngine(db);
  const run = await newReplay(engine);
  const clock = skippingClock();
  const deps = { db, now: clock.now, signal: new AbortController().signal, tell: () => undefined };
  const holder = new LaneHolder(deps, await take(db, run), clock.now());
  await holder.commit(noCommit(0), noStanding());
  expect(holder.mayWrite).toBe(true);
  clock.skip(leaseMs);
  expect(holder.mayWrite).toBe(false);
  await holder.commit(noCommit(0), noStanding());
  expect(holder.mayWrite).toBe(false);
  holder.obeyed();
  expect(holder.mayWrite).toBe(true);
});
