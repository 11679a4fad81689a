import { describe, expect, test, vi } from 'vitest';
import { sumCounts } from '../../src/core/counts.ts';
import { sql } from '../../src/db/sql.ts';
import { changeStream } from '../../src/db/streams.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  connect,
  countsOf,
  newEngine,
  runOf,
  runSlice,
  runToEnd,
  type Sent,
} from '../support/engine.ts';
import { endWhatIsFree, newVersions, openOf, takeSources } from '../support/engine-hand-over.ts';
import { comesDue, waitingOf, workUntilWaiting } from '../support/engine-waiting.ts';
import { newSource } from '../support/events.ts';

const db = await testDatabase();

const positions = (rows: readonly { position: number }[]) => rows.map(({ position }) => position);
const ids = (sent: readonly Sent[]) => sent.map(({ messageId }) => messageId);

describe('when a stretch hands over, what waits', () => {
  /** A stretch in which the first event of `u1` waits, two of his behind it, another is dead, one settled. */
  async function newScene(actions = 1) {
    const engine = await newEngine(db, { actions });
    const other = { db, source: await newSource(db) };
    await takeSources(engine, [engine.source, other.source]);
    const first = await connect(engine);
    const own = await append(engine, ['u1', 'u2', 'u3']);
    const others = await append(other, ['u1', 'u4']);
    const last = await append(engine, ['u1']);
    const poison = own[1]!;
    engine.sink.answer = ({ messageId, userId }) =>
      userId === 'u1' ? 500 : messageId === poison.messageId ? 400 : 200;
    await workUntilWaiting(engine, first, actions);
    return { engine, other, first, own, others, last };
  }

  test('goes over to the next stretch, which counts how it ends', async () => {
    const { engine, first, own, others, last } = await newScene();
    expect(await countsOf(engine, first)).toEqual({ waiting: 3, delivered: 2, dead: 1 });
    const before = await waitingOf(engine, first);
    await newVersions(engine);
    const second = await openOf(engine);
    expect(await runOf(engine, first)).toMatchObject({ endedAs: 'completed_with_failures' });
    expect(await countsOf(engine, first)).toEqual({ delivered: 2, dead: 1 });
    expect(await countsOf(engine, second.id)).toEqual({ waiting: 3 });
    expect(positions(await waitingOf(engine, second.id))).toEqual(positions(before));
    expect(second.lanes[0]!.wakeAt).not.toBeNull();
    engine.sink.answer = () => 200;
    await comesDue(engine, second.id);
    const arrived = engine.sink.arrivals.length;
    await runToEnd(engine, second.id);
    expect(engine.sink.arrivals.slice(arrived).map(({ messageId }) => messageId)).toEqual(
      ids([own[0]!, others[0]!, last[0]!]),
    );
    const counts = sumCounts((await runOf(engine, second.id)).lanes.map((lane) => lane.counts));
    expect(counts.events).toEqual({ delivered: 3 });
    expect(counts.byAction).toEqual({ [engine.actions[0]!]: { delivered: 3 } });
  });

  test('and is not taken any more is missing; those behind it go on by themselves', async () => {
    const { engine, other, first, others } = await newScene();
    await takeSources(engine, [other.source]);
    const second = await openOf(engine);
    expect(await countsOf(engine, first)).toEqual({ delivered: 2, dead: 1 });
    expect(await countsOf(engine, second.id)).toEqual({ waiting: 1 });
    expect(await waitingOf(engine, second.id)).toMatchObject([
      { position: others[0]!.position, dueInMs: expect.any(Number) },
    ]);
    engine.sink.answer = () => 200;
    await runToEnd(engine, second.id);
    expect(await countsOf(engine, second.id)).toEqual({ delivered: 1 });
    expect(await waitingOf(engine, second.id)).toEqual([]);
  });

  test('for an action that is gone is dropped, for the one that stays it goes on', async () => {
    const { engine, first } = await newScene(2);
    const [kept, gone] = engine.actions as [string, string];
    await db.transaction(async (tx) => {
      await tx.run(sql`update action set deleted_at = now() where id = ${gone}`);
      await changeStream(tx, engine.destinationId);
    });
    const second = await openOf(engine);
    expect((await waitingOf(engine, second.id)).map(({ actionId }) => actionId)).toEqual([kept, kept, kept]);
    engine.sink.answer = () => 200;
    await comesDue(engine, second.id);
    await runToEnd(engine, second.id);
    const byAction = async (run: string) =>
      sumCounts((await runOf(engine, run)).lanes.map(({ counts }) => counts)).byAction;
    expect(await byAction(second.id)).toEqual({ [kept]: { delivered: 3 } });
    expect(await byAction(first)).toEqual({
      [kept]: { delivered: 2, dead: 1 },
      [gone]: { delivered: 2, dead: 1 },
    });
  });

  test('and is given up on above the mark is neither sent nor forgotten', async () => {
    const engine = await newEngine(db);
    const first = await connect(engine);
    const sent = await append(engine, ['slow', 'u1', 'u2', 'u3']);
    engine.sink.answer = ({ userId }) => (userId === 'slow' ? 'never' : userId === 'u1' ? 400 : 200);
    const working = runSlice(engine, first);
    await engine.sink.arrived(4);
    await vi.waitFor(async () => expect(await countsOf(engine, first)).toEqual({ delivered: 2, dead: 1 }), {
      timeout: 5_000,
    });
    await newVersions(engine);
    await working;
    await endWhatIsFree(engine);
    const second = await openOf(engine);
    expect(await runOf(engine, first)).toMatchObject({ endedAs: 'completed' });
    engine.sink.answer = () => 200;
    await runToEnd(engine, second.id);
    expect(await countsOf(engine, second.id)).toEqual({ delivered: 3, dead: 1 });
    expect(engine.sink.of([sent[1]!.messageId])).toHaveLength(1);
  });
});
