import { describe, expect, test, vi } from 'vitest';
import { sumCounts } from '../../src/core/counts.ts';
import { readDue } from '../../src/db/due-deliveries.ts';
import { sql } from '../../src/db/sql.ts';
import { deliveryId, deliveryName } from '../../src/destinations/delivery-id.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  connect,
  countsOf,
  newEngine,
  newReplay,
  runOf,
  runSlice,
  runToEnd,
  take,
  turns,
  type Engine,
  type Sent,
} from '../support/engine.ts';
import { newVictim, watchedDatabase } from '../support/engine-faults.ts';
import { comesDue, waitingOf, workUntilWaiting } from '../support/engine-waiting.ts';

const db = await testDatabase();

const ids = (sent: readonly Sent[]) => sent.map(({ messageId }) => messageId);
const idOf = (engine: Engine, action: number, { position }: Sent) =>
  deliveryId(deliveryName(engine.destinationId, engine.actions[action]!, position));
const allCounts = async (engine: Engine, run: string) =>
  sumCounts((await runOf(engine, run)).lanes.map(({ counts }) => counts));

describe('what waits in a stream', () => {
  async function newScene() {
    const engine = await newEngine(db);
    const stream = await connect(engine);
    const sent = await append(engine, turns(20, 5));
    const own = sent.filter(({ userId }) => userId === 'u2');
    engine.sink.answer = ({ messageId }) => (messageId === own[0]!.messageId ? 500 : 200);
    expect(await workUntilWaiting(engine, stream, 1)).toMatchObject({
      kind: 'idle',
      wakeInMs: expect.any(Number),
    });
    engine.sink.answer = () => 200;
    return { engine, stream, own };
  }

  test('is left to it by a replay, which says why, and is missing from none of the counts', async () => {
    const { engine, stream, own } = await newScene();
    const before = engine.sink.arrivals.length;
    const replay = await newReplay(engine);
    await runToEnd(engine, replay);
    expect(engine.sink.arrivals).toHaveLength(before);
    expect(await allCounts(engine, replay)).toMatchObject({
      events: { alreadyDelivered: 16, filtered: 4 },
      reasons: { waiting_elsewhere: 4 },
    });
    await comesDue(engine, stream);
    await runToEnd(engine, stream);
    expect(engine.sink.arrivals.slice(before).map(({ messageId }) => messageId)).toEqual(ids(own));
    expect(await countsOf(engine, stream)).toEqual({ delivered: 20 });
    const again = await newReplay(engine);
    await runToEnd(engine, again);
    expect(await countsOf(engine, again)).toEqual({ alreadyDelivered: 20 });
  });

  test('is left to it even when all is to be sent again', async () => {
    const { engine, own } = await newScene();
    const before = engine.sink.arrivals.length;
    const replay = await newReplay(engine, { mode: 'all' });
    await runToEnd(engine, replay);
    const resent = engine.sink.arrivals.slice(before).map(({ messageId }) => messageId);
    expect(resent).toHaveLength(16);
    for (const id of ids(own)) expect(resent).not.toContain(id);
  });

  test('and arrives while a replay reads what others have is not sent a second time', async () => {
    const { engine, stream } = await newScene();
    await comesDue(engine, stream);
    const before = engine.sink.arrivals.length;
    const replay = await newReplay(engine);
    let streamed = false;
    const watched = watchedDatabase(db, async ({ at, text }) => {
      if (streamed || at !== 'after' || !/from coverage .*<>|waiting_delivery w on/s.test(text)) return;
      streamed = true; // between the first look at what others have and the second
      await runToEnd(engine, stream);
    });
    await runToEnd(engine, replay, { db: watched });
    expect(streamed).toBe(true);
    expect(engine.sink.arrivals).toHaveLength(before + 4);
    expect([...engine.sink.taken().values()].every((times) => times === 1)).toBe(true);
  });
});

describe('due deliveries', () => {
  test('above the mark, left by a worker that was killed, go out once and are counted once', async () => {
    const engine = await newEngine(db);
    const sent = await append(engine, turns(1_300, 50));
    const [slow, failing] = [sent[0]!, sent[1_201]!];
    engine.sink.answer = ({ messageId }) =>
      messageId === slow.messageId ? 'never' : messageId === failing.messageId ? 500 : 200;
    const run = await newReplay(engine);
    const victim = await newVictim(engine);
    const patient = { ...victim, timing: { sliceMs: 3_600_000 } };
    const working = expect(runSlice(engine, run, patient)).rejects.toThrow('killed');
    await vi.waitFor(() => expect(engine.sink.of([failing.messageId])).not.toEqual([]), { timeout: 20_000 });
    // Its tries are over: it waits, as do the later ones of its user, while the mark still stands at the slow one.
    await workAside(engine, run, victim, failing);
    victim.kill();
    await working;
    expect((await runOf(engine, run)).lanes[0]!.mark).toBe(slow.position - 1);
    engine.sink.answer = () => 200;
    await comesDue(engine, run);
    await runToEnd(engine, run, { takesOver: true });
    expect(await allCounts(engine, run)).toMatchObject({
      events: { delivered: 1_300 },
      byAction: { [engine.actions[0]!]: { delivered: 1_300 } },
    });
    expect(engine.sink.taken().size).toBe(1_300);
    expect(await waitingOf(engine, run)).toEqual([]);
  });

  async function workAside(
    engine: Engine,
    run: string,
    victim: { skip(ms: number): void },
    failing: Sent,
  ): Promise<void> {
    // Once it is tried again the lane has heard that it failed, and counts from then.
    const tries = () => engine.sink.of([failing.messageId]).length;
    await vi.waitFor(() => expect(tries()).toBeGreaterThan(1), { timeout: 5_000 });
    victim.skip(61_000);
    await vi.waitFor(async () => expect(await waitingOf(engine, run)).not.toEqual([]), { timeout: 10_000 });
  }

  test('of one event through two actions are taken together, however many stand behind', async () => {
    const engine = await newEngine(db, { actions: 2 });
    const sent = await append(engine, turns(130, 1));
    const failing = idOf(engine, 1, sent[0]!);
    engine.sink.answer = ({ id }) => (id === failing ? 500 : 200);
    const run = await newReplay(engine);
    await workUntilWaiting(engine, run, 1);
    expect(await waitingOf(engine, run)).toHaveLength(1 + 129 * 2);
    expect(await allCounts(engine, run)).toMatchObject({ events: { waiting: 130 } });
    engine.sink.answer = () => 200;
    await comesDue(engine, run);
    await runToEnd(engine, run);
    expect(await allCounts(engine, run)).toEqual({
      events: { delivered: 130 },
      byAction: { [engine.actions[0]!]: { delivered: 130 }, [engine.actions[1]!]: { delivered: 130 } },
      reasons: {},
    });
    const order = engine.sink.arrivals
      .filter(({ status }) => status === 200)
      .map(({ messageId }) => messageId);
    expect([...new Set(order)]).toEqual(ids(sent));
    expect(order).toHaveLength(260);
  });

  test('of one event through three actions may all end within one commit', async () => {
    const engine = await newEngine(db, { actions: 3 });
    const sent = await append(engine, turns(12, 3));
    const failing = [0, 1, 2].map((action) => idOf(engine, action, sent[1]!));
    engine.sink.answer = ({ id }) => (failing.includes(id) ? 500 : 200);
    const run = await newReplay(engine);
    await workUntilWaiting(engine, run, 3);
    expect(await countsOf(engine, run)).toEqual({ delivered: 8, waiting: 4 });
    engine.sink.answer = () => 200;
    await comesDue(engine, run);
    expect(await runSlice(engine, run)).toEqual({ kind: 'done' });
    expect(await countsOf(engine, run)).toEqual({ delivered: 12 });
    expect([...engine.sink.taken().values()].every((times) => times === 3)).toBe(true);
  });

  test('of one event through two actions go out when the first of them is due', async () => {
    const engine = await newEngine(db, { actions: 2 });
    const sent = await append(engine, turns(6, 3));
    const failing = [0, 1].map((action) => idOf(engine, action, sent[1]!));
    engine.sink.answer = ({ id }) => (failing.includes(id) ? 500 : 200);
    const run = await newReplay(engine);
    await workUntilWaiting(engine, run, 2);
    engine.sink.answer = () => 200;
    for (const [due, later] of [
      [0, 1],
      [1, 0],
    ] as const) {
      await db.run(sql`update waiting_delivery set due_at = clock_timestamp() + interval '1 hour' where run_id = ${run}
        and position = ${sent[1]!.position} and action_id = ${engine.actions[later]!}`);
      await db.run(sql`update waiting_delivery set due_at = clock_timestamp() where run_id = ${run}
        and position = ${sent[1]!.position} and action_id = ${engine.actions[due]!}`);
      const lane = await take(db, run);
      const taken = await readDue(db, lane);
      expect(taken.map(({ deliveries }) => deliveries.length)).toEqual([2, 2]);
      expect(taken.map(({ position }) => position)).toEqual([sent[1]!.position, sent[4]!.position]);
      await db.run(sql`update lane set lease_released = true where run_id = ${run}`);
    }
    expect(await runSlice(engine, run)).toEqual({ kind: 'done' });
    expect(await countsOf(engine, run)).toEqual({ delivered: 6 });
  });

  test('end one by one: a worker killed between them repeats none that had ended', async () => {
    const engine = await newEngine(db, { actions: 2 });
    const sent = await append(engine, turns(10, 2));
    const [done, slow] = [idOf(engine, 0, sent[1]!), idOf(engine, 1, sent[1]!)];
    engine.sink.answer = ({ id }) => ([done, slow].includes(id) ? 500 : 200);
    const run = await newReplay(engine);
    await workUntilWaiting(engine, run, 2);
    await comesDue(engine, run);
    engine.sink.answer = ({ id }) => (id === slow ? 'never' : 200);
    const victim = await newVictim(engine);
    const working = expect(runSlice(engine, run, victim)).rejects.toThrow('killed');
    const ended = async () =>
      await db.rows(sql`select 1 from waiting_delivery where run_id = ${run} and action_id = ${engine.actions[0]!}
        and position = ${sent[1]!.position}`);
    await vi.waitFor(async () => expect(await ended()).toEqual([]), { timeout: 5_000 });
    victim.kill();
    await working;
    engine.sink.answer = () => 200;
    await comesDue(engine, run);
    await runToEnd(engine, run, { takesOver: true });
    expect(engine.sink.arrivals.filter(({ id, status }) => id === done && status === 200)).toHaveLength(1);
    expect(await countsOf(engine, run)).toEqual({ delivered: 10 });
  });

  test('of many users at once all go out, each user’s in order', async () => {
    const engine = await newEngine(db);
    const sent = await append(engine, turns(900, 300));
    const run = await newReplay(engine);
    // As if each user's first had failed a while ago.
    await db.run(sql`update run set counted_to = to_position where id = ${run}`);
    await db.run(sql`
      insert into waiting_delivery (run_id, lane, position, action_id, order_key, attempts, rounds, first_failed_at, due_at)
      select ${run}, 0, e.position, ${engine.actions[0]!}, 'u:' || e.user_id, 2, 1, clock_timestamp(),
        case when e.position < ${sent[300]!.position} then clock_timestamp() end
      from event e where e.source_id = ${engine.source}`);
    await db.run(sql`
      update lane set mark = ${sent.at(-1)!.position}, counts = ${JSON.stringify({
        events: { waiting: 900 },
        byAction: { [engine.actions[0]!]: { waiting: 900 } },
      })}::jsonb where run_id = ${run}`);
    await runToEnd(engine, run);
    expect(await countsOf(engine, run)).toEqual({ delivered: 900 });
    expect(engine.sink.arrivals).toHaveLength(900);
    for (const user of ['u0', 'u150', 'u299']) {
      const own = sent.filter(({ userId }) => userId === user);
      expect(engine.sink.of(ids(own)).map(({ messageId }) => messageId)).toEqual(ids(own));
    }
  });
});
