import { randomUUID } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { LeaseLost } from '../../src/db/lane-commit.ts';
import { takeLane } from '../../src/db/lane-lease.ts';
import { openStreamRun, endStream, setStreamDesired } from '../../src/db/streams.ts';
import { freeToEnd } from '../../src/db/run-end.ts';
import { sql } from '../../src/db/sql.ts';
import { suppress, suppressionHeard } from '../../src/db/suppressions.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  bitsOf,
  connect,
  countsOf,
  newEngine,
  runOf,
  runSlice,
  runToEnd,
  take,
  turns,
  type Engine,
  type Sent,
} from '../support/engine.ts';
import { endWhatIsFree, newVersions, openOf, takeSources } from '../support/engine-hand-over.ts';
import { newSource } from '../support/events.ts';
import { until } from '../support/until.ts';

const db = await testDatabase({ maxConnections: 30 });

const positions = (sent: readonly { position: number }[]) => sent.map(({ position }) => position);

describe('a stream that nobody works', () => {
  test('goes on at its mark at once, with the new sources; both stretches count their own', async () => {
    const engine = await newEngine(db);
    const other = { db, source: await newSource(db) };
    const first = await connect(engine);
    await append(engine, turns(5));
    await append(other, turns(2));
    await runToEnd(engine, first);
    const mark = (await runOf(engine, first)).lanes[0]!.mark;
    await append(other, turns(3)); // before the change, above the mark
    await takeSources(engine, [other.source]);
    expect(await runOf(engine, first)).toMatchObject({ endedAs: 'completed', toPosition: mark });
    const second = await openOf(engine);
    expect(second).toMatchObject({ fromPosition: mark + 1, changing: false, desired: 'running' });
    expect(second.lanes[0]).toMatchObject({ mark, state: 'parked' });
    await append(engine, turns(4));
    await append(other, turns(2));
    await runToEnd(engine, second.id);
    expect(await countsOf(engine, first)).toEqual({ delivered: 5 });
    expect(await countsOf(engine, second.id)).toEqual({ delivered: 5 });
    expect(engine.sink.taken().size).toBe(10);
    expect(await runSlice(engine, first)).toMatchObject({ kind: 'ended' });
  });

  test('stays as it is when nothing has changed', async () => {
    const engine = await newEngine(db);
    const first = await connect(engine);
    await takeSources(engine, [engine.source]);
    expect(await openOf(engine)).toMatchObject({ id: first, revision: 1 });
  });

  test('that is paused stays paused, and what it owes goes out by the new version when it is resumed', async () => {
    const engine = await newEngine(db);
    await connect(engine);
    await setStreamDesired(db, engine.destinationId, 'paused');
    await append(engine, turns(6));
    await newVersions(engine);
    const second = await openOf(engine);
    expect(second).toMatchObject({
      desired: 'paused',
      actions: [{ actionId: engine.actions[0], version: 2 }],
    });
    expect(await runSlice(engine, second.id)).toEqual({ kind: 'unwanted', desired: 'paused' });
    await setStreamDesired(db, engine.destinationId, 'running');
    await runToEnd(engine, second.id);
    expect(await countsOf(engine, second.id)).toEqual({ delivered: 6 });
  });
});

describe('a stream at work', () => {
  /** A stretch with one event in flight that is not answered, and 40 of other users settled above it. */
  async function newScene(drainMs = 3_000) {
    const engine = await newEngine(db);
    const first = await connect(engine);
    const sent = await append(engine, ['slow', ...turns(40, 8)]);
    const answered = Promise.withResolvers<void>();
    engine.sink.answer = ({ userId }) => (userId === 'slow' ? { status: 200, after: answered.promise } : 200);
    const working = runSlice(engine, first, { timing: { drainMs } });
    await engine.sink.arrived(41);
    await vi.waitFor(async () => expect(await bitsOf(engine, first, engine.actions[0]!)).toHaveLength(40), {
      timeout: 5_000,
    });
    return { engine, first, sent, working, answer: answered.resolve };
  }

  test('drains first; what it settled above its mark is neither sent nor counted again', async () => {
    const { engine, first, sent, working } = await newScene();
    await newVersions(engine);
    expect(await openOf(engine)).toMatchObject({ id: first, changing: true });
    expect(await freeToEnd(db)).not.toContain(first);
    expect(await working).toEqual({ kind: 'stopped' }); // what is not answered within the drain is broken off
    await endWhatIsFree(engine);

    const second = await openOf(engine);
    expect(second.fromPosition).toBe(sent[0]!.position);
    expect(await countsOf(engine, first)).toEqual({});
    expect(await bitsOf(engine, first, engine.actions[0]!)).toEqual([]);
    expect(await bitsOf(engine, second.id, engine.actions[0]!)).toEqual(positions(sent.slice(1)));
    engine.sink.answer = () => 200;
    await runToEnd(engine, second.id);
    expect(await countsOf(engine, second.id)).toEqual({ delivered: 41 });
    expect([...engine.sink.taken().values()].every((times) => times === 1)).toBe(true);
    expect(engine.sink.taken().size).toBe(41);
  });

  test('counts what it drained, and takes nothing new while it does', async () => {
    const { engine, first, sent, working, answer } = await newScene(20_000);
    await newVersions(engine);
    const renewals = async () => {
      const [lane] = await db.rows<{ lease_renewals: number }>(
        sql`select lease_renewals from lane where run_id = ${first}`,
      );
      return lane!.lease_renewals;
    };
    const before = await renewals();
    // The second commit from now on was begun behind the change; once the third is seen, he has its answer.
    await until('he has been told', renewals, (now) => now >= before + 3);
    const later = await append(engine, turns(5));
    answer();
    expect(await working).toEqual({ kind: 'stopped' });
    await endWhatIsFree(engine);
    expect(await countsOf(engine, first)).toEqual({ delivered: 41 });
    const second = await openOf(engine);
    expect(second.fromPosition).toBe(sent.at(-1)!.position + 1);
    await runToEnd(engine, second.id);
    expect(await countsOf(engine, second.id)).toEqual({ delivered: later.length });
    expect(engine.sink.arrivals).toHaveLength(46);
  });

  test('whose worker was killed hands over when its lease has run out', async () => {
    const engine = await newEngine(db);
    const first = await connect(engine);
    const sent = await append(engine, turns(5));
    await take(db, first);
    await newVersions(engine);
    expect(await runSlice(engine, first)).toEqual({ kind: 'unwanted', desired: 'cancelled' });
    await endWhatIsFree(engine);
    expect((await openOf(engine)).id).toBe(first);
    await db.run(sql`update lane set lease_renewed_at = now() - interval '7 s' where run_id = ${first}`);
    await endWhatIsFree(engine);
    const second = await openOf(engine);
    expect(second).toMatchObject({ fromPosition: sent[0]!.position, changing: false });
    await runToEnd(engine, second.id, { takesOver: true });
    expect(await countsOf(engine, second.id)).toEqual({ delivered: 5 });
  });

  test('that still sends when a jump of the wall clock has it handed over keeps others off until its lease is over', async () => {
    const { engine, first, sent, working, answer } = await newScene();
    const failing = expect(working).rejects.toThrow(LeaseLost);
    // Within one transaction, so that no commit of the holder comes in between.
    await db.transaction(async (tx) => {
      await tx.run(
        sql`update lane set lease_renewed_at = lease_renewed_at - interval '7 s' where run_id = ${first}`,
      );
      await newVersions({ ...engine, db: { ...db, transaction: (work) => work(tx) } });
    });
    const second = await openOf(engine);
    expect(second).toMatchObject({ changing: false, actions: [{ version: 2 }] });
    expect(second.id).not.toBe(first);
    const lane = { runId: second.id, lane: 0, token: randomUUID() };
    const held = await takeLane(db, { ...lane, stale: null });
    expect(held).toEqual({ kind: 'held', renewals: expect.any(Number) });
    const [suppressed] = await suppress(db, { ids: [{ userId: 'who', anonymousId: null }], reason: null });
    expect(await suppressionHeard(db, suppressed!.revision)).toBe(false); // the old holder may not know of him
    answer();
    await failing;
    await runToEnd(engine, second.id, { takesOver: true });
    expect(await countsOf(engine, second.id)).toMatchObject({ delivered: sent.length });
  });

  test('that has given its lane back makes no taker wait', async () => {
    const { engine, working, answer } = await newScene();
    await newVersions(engine);
    answer();
    await working;
    await endWhatIsFree(engine);
    expect((await take(db, (await openOf(engine)).id)).actions).toMatchObject([{ version: 2 }]);
  });

  test('that is disabled before it has drained ends, and no other follows', async () => {
    const { engine, first, working, answer } = await newScene();
    await newVersions(engine);
    await db.transaction((tx) => endStream(tx, engine.destinationId, 'destination_disabled'));
    answer();
    await working;
    await endWhatIsFree(engine);
    expect(await runOf(engine, first)).toMatchObject({ endedAs: 'cancelled' });
    expect(await openStreamRun(db, engine.destinationId)).toBeNull();
  });
});

test('a destination that is down still is for the next stretch, and its probe is not waited for', async () => {
  const engine = await newEngine(db, { settings: { timeoutMs: 10_000 } });
  const first = await connect(engine);
  await append(engine, turns(20));
  engine.sink.answer = () => 503;
  const holding = await workUntilHeld(engine, first);
  engine.sink.answer = () => 'never';
  await db.run(sql`update lane set wake_at = now() where run_id = ${first}`);
  const probing = runSlice(engine, first, { timing: { drainMs: 60_000, sliceMs: 60_000 } });
  await engine.sink.arrived(holding + 1);
  await newVersions(engine);
  expect(await probing).toEqual({ kind: 'stopped' });
  await endWhatIsFree(engine);
  const second = await openOf(engine);
  expect(second.lanes[0]).toMatchObject({ state: 'held', stateReason: 'destination_down: http_503' });
  engine.sink.answer = () => 200;
  await runToEnd(engine, second.id, { timing: { sliceMs: 60_000 } });
  expect(await countsOf(engine, second.id)).toEqual({ delivered: 20 });
});

/** @returns how many requests have come in by then */
async function workUntilHeld(engine: Engine, run: string): Promise<number> {
  const slice = () => runSlice(engine, run, { timing: { sliceMs: 1_000 } });
  while ((await runOf(engine, run)).lanes[0]!.state !== 'held') await slice();
  return engine.sink.arrivals.length;
}

test('changed again and again amid sending and failing, nothing is sent twice, lost or counted twice', async () => {
  const engine = await newEngine(db);
  await connect(engine);
  const failing = new Map<string, number>();
  engine.sink.answer = ({ messageId }) => {
    const times = failing.get(messageId) ?? 0;
    failing.set(messageId, times + 1);
    const bad = Number(messageId.slice(1)) % 13 === 0 && times < 2;
    return { status: bad ? 500 : 200, afterMs: Math.random() * 40 };
  };
  const over = new AbortController();
  const drive = async () => {
    while (!over.signal.aborted) {
      await runSlice(engine, (await openOf(engine)).id, { timing: { sliceMs: 1_000 } });
      await endWhatIsFree(engine);
    }
  };
  const driving = drive();
  const sent: Sent[] = [];
  for (let round = 0; round < 8; round++) {
    const before = engine.sink.arrivals.length;
    sent.push(...(await append(engine, turns(60, 12))));
    await engine.sink.arrived(before + 20);
    await newVersions(engine);
    await vi.waitFor(async () => expect((await openOf(engine)).changing).toBe(false), { timeout: 10_000 });
  }
  await vi.waitFor(() => expect(engine.sink.taken().size).toBe(sent.length), { timeout: 30_000 });
  over.abort();
  await driving;
  expect([...engine.sink.taken().values()].filter((times) => times !== 1)).toEqual([]);
  const stretches = await db.rows<{ id: string; from: number; to: number | null }>(sql`
    select id, from_position as from, to_position as to from run where destination_id = ${engine.destinationId}
    order by number`);
  expect(stretches).toHaveLength(9);
  const delivered = await Promise.all(stretches.map(({ id }) => countsOf(engine, id)));
  stretches.forEach(({ from, to }, index) => {
    const own = sent.filter(({ position }) => position >= from && position <= (to ?? Infinity));
    expect(delivered[index]).toEqual(own.length === 0 ? {} : { delivered: own.length });
  });
});
