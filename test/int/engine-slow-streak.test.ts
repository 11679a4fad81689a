import { describe, expect, test } from 'vitest';
import { retryRounds } from '../../src/core/retry.ts';
import { testDatabase } from '../support/database.ts';
import { append, connect, countsOf, newEngine, runOf, runSlice, runToEnd } from '../support/engine.ts';
import { newVersions, openOf } from '../support/engine-hand-over.ts';
import { comesDue, waitingOf } from '../support/engine-waiting.ts';

const db = await testDatabase();

/** A stream that parks between its events, each of which a new holder takes up, and a destination that refuses all. */
async function newScene() {
  const engine = await newEngine(db);
  const stream = await connect(engine);
  engine.sink.answer = () => 403;
  const slowly = async (...users: string[]) => {
    const ends: string[] = [];
    for (const user of users) {
      await append(engine, [user]);
      ends.push((await runSlice(engine, stream)).kind);
    }
    return ends;
  };
  return { engine, stream, slowly };
}

describe('refusals of a stream that parks between its events', { timeout: 90_000 }, () => {
  test('hold it at the fifth and become no dead letters; all arrive once the destination takes them', async () => {
    const { engine, stream, slowly } = await newScene();
    expect(await slowly('u1', 'u2', 'u3', 'u4')).toEqual(['idle', 'idle', 'idle', 'idle']);
    expect(await countsOf(engine, stream)).toEqual({ waiting: 4 });
    await append(engine, ['u5']);
    expect(await runSlice(engine, stream, { timing: { sliceMs: 1_500 } })).toEqual({ kind: 'more' });
    expect((await runOf(engine, stream)).lanes[0]).toMatchObject({
      state: 'held',
      stateReason: 'destination_refuses: http_403',
    });
    expect(await countsOf(engine, stream)).toEqual({ waiting: 4 });
    engine.sink.answer = () => 200;
    await comesDue(engine, stream);
    await runToEnd(engine, stream);
    expect(await countsOf(engine, stream)).toEqual({ delivered: 5 });
  });

  test('are the events’ own after the first success, without waiting for their time', async () => {
    const { engine, stream, slowly } = await newScene();
    await slowly('u1', 'u2');
    engine.sink.answer = ({ userId }) => (userId === 'u3' ? 200 : 403);
    await slowly('u3');
    expect(await waitingOf(engine, stream)).toEqual([]);
    expect(await countsOf(engine, stream)).toEqual({ delivered: 1, dead: 2 });
  });

  test('hold up nobody’s next events: what these wait for is given up on, and still counts for the streak', async () => {
    const { engine, stream, slowly } = await newScene();
    await slowly('u1', 'u1', 'u1');
    expect(await countsOf(engine, stream)).toEqual({ waiting: 1, dead: 2 });
    await slowly('u2');
    await append(engine, ['u3']);
    await runSlice(engine, stream, { timing: { sliceMs: 1_500 } });
    expect((await runOf(engine, stream)).lanes[0]).toMatchObject({ state: 'held' });
    expect(await countsOf(engine, stream)).toEqual({ waiting: 2, dead: 2 });
  });

  test('are given up on after four hours of tries in which nothing has shown who is at fault', async () => {
    const { engine, stream, slowly } = await newScene();
    await slowly('u1', 'u2', 'u3', 'u4');
    await comesDue(engine, stream, { firstFailed: '3 hours 59 minutes', rounds: retryRounds });
    await runToEnd(engine, stream);
    expect(await countsOf(engine, stream)).toEqual({ waiting: 4 });
    await comesDue(engine, stream, { firstFailed: '4 hours', rounds: retryRounds });
    await runToEnd(engine, stream);
    expect(await countsOf(engine, stream)).toEqual({ dead: 4 });
  });

  test('are in doubt as well after a change of actions', async () => {
    const { engine, stream, slowly } = await newScene();
    await slowly('u1', 'u2', 'u3', 'u4');
    await newVersions(engine);
    const next = await openOf(engine);
    expect(next.id).not.toBe(stream);
    await append(engine, ['u5']);
    await runSlice(engine, next.id, { timing: { sliceMs: 1_500 } });
    expect((await runOf(engine, next.id)).lanes[0]).toMatchObject({ state: 'held' });
    expect(await countsOf(engine, next.id)).toEqual({ waiting: 4 });
  });
});
