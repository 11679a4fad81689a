import { describe, expect, test, vi } from 'vitest';
import { countedEvents, sumCounts } from '../../src/core/counts.ts';
import type { ReplayRange } from '../../src/core/replay-request.ts';
import { countReplay } from '../../src/db/replay-count.ts';
import { setReplayDesired, setReplayRange } from '../../src/db/replays.ts';
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
  turns,
  type Engine,
} from '../support/engine.ts';
import { endWhatIsFree } from '../support/engine-hand-over.ts';

// What is settled above the mark, behind a slow event, while the range changes.

const db = await testDatabase();

/** A replay that has settled all but its first event, which is slow, and is paused. */
async function pausedBehindSlowHead(
  engine: Engine,
  range: ReplayRange,
  settled: Record<string, number>,
): Promise<string> {
  engine.sink.answer = ({ userId }) => (userId === 'u0' ? 'never' : 200);
  const run = await newReplay(engine, { range });
  const working = runSlice(engine, run, { timing: { drainMs: 200 } });
  await vi.waitFor(async () => expect(await countsOf(engine, run)).toEqual(settled), { timeout: 5_000 });
  await setReplayDesired(db, run, 'paused');
  expect(await working).toEqual({ kind: 'stopped' });
  engine.sink.answer = () => 200;
  return run;
}

/** Gives it another range. @returns how many it selects, and how many of these are in no bucket */
async function change(engine: Engine, run: string, range: ReplayRange) {
  await db.transaction((tx) => setReplayRange(tx, run, range));
  await countReplay(db, run, () => true);
  return await standing(engine, run);
}

async function standing(engine: Engine, run: string): Promise<{ selected: number; remaining: number }> {
  const { selected, selectedExact, lanes } = await runOf(engine, run);
  expect(selectedExact).toBe(true);
  return { selected, remaining: selected - countedEvents(sumCounts(lanes.map(({ counts }) => counts))) };
}

test('by positions: what was not to be sent, behind a shorter range, is no longer counted', async () => {
  const engine = await newEngine(db);
  const sent = await append(engine, turns(10));
  const upTo = (index: number) =>
    ({ by: 'position', from: sent[0]!.position, to: sent[index]!.position }) as const;
  await db.run(
    sql`update action_version set trigger = 'userId = "u0"' where action_id = ${engine.actions[0]!}`,
  );
  const run = await pausedBehindSlowHead(engine, upTo(9), { filtered: 9 });
  expect(await change(engine, run, upTo(2))).toEqual({ selected: 3, remaining: 3 });
  await setReplayDesired(db, run, 'running');
  await runToEnd(engine, run);
  expect(await countsOf(engine, run)).toEqual({ delivered: 1, filtered: 2 });
});

describe('by times, where no lane has passed the new end:', () => {
  let scenes = 0;

  /** One event a minute, in an order of positions of its own, on a day of its own: no lane reads its range again. */
  async function newScene(to: number) {
    const day = ++scenes;
    const at = (minute: number) => new Date(Date.UTC(2023, 0, day, 0, minute));
    const range = (end: number) =>
      ({ by: 'received', from: at(0).toISOString(), to: at(end).toISOString() }) as const;
    const engine = await newEngine(db);
    for (const minute of [0, 5, 1, 6, 2, 7, 3, 8, 4])
      await append(engine, [`u${minute}`], { receivedAt: at(minute) });
    const run = await pausedBehindSlowHead(engine, range(to), { delivered: to - 1 });
    return { engine, run, range };
  }

  test('of a shorter range only what it selects is counted, when it goes on', async () => {
    const { engine, run, range } = await newScene(9);
    expect(await change(engine, run, range(5))).toEqual({ selected: 5, remaining: 5 });
    await setReplayDesired(db, run, 'running');
    await runToEnd(engine, run);
    expect(await countsOf(engine, run)).toEqual({ delivered: 5 });
    expect([...engine.sink.taken().values()]).toEqual(Array.from({ length: 9 }, () => 1));
  });

  test('nor is more counted when it is cancelled before it goes on', async () => {
    const { engine, run, range } = await newScene(9);
    await change(engine, run, range(5));
    await setReplayDesired(db, run, 'cancelled');
    await endWhatIsFree(engine);
    expect((await runOf(engine, run)).endedAs).toBe('cancelled');
    expect(await standing(engine, run)).toEqual({ selected: 5, remaining: 5 });
  });

  test('of a longer range all stays counted', async () => {
    const { engine, run, range } = await newScene(5);
    expect(await change(engine, run, range(9))).toEqual({ selected: 9, remaining: 5 });
  });
});
