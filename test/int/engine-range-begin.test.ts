import { describe, expect, test } from 'vitest';
import { countedEvents, sumCounts } from '../../src/core/counts.ts';
import type { ReplayRange } from '../../src/core/replay-request.ts';
import { countReplay } from '../../src/db/replay-count.ts';
import { setReplayDesired, setReplayRange } from '../../src/db/replays.ts';
import { testDatabase } from '../support/database.ts';
import { append, countsOf, newEngine, newReplay, runOf, runSlice, runToEnd } from '../support/engine.ts';
import { comesDue, waitingOf, workUntilWaiting } from '../support/engine-waiting.ts';

// Another begin of a range while its events are sent: nothing twice, and each event in one bucket.

const db = await testDatabase();
let days = 0;

/** Events of one user each, a minute apart; `range` counts them from 0, both ends inclusive. */
async function newScene(by: 'position' | 'received') {
  const engine = await newEngine(db);
  const day = ++days;
  const at = (minute: number) => new Date(Date.UTC(2023, 0, day, 0, minute));
  const sent: Awaited<ReturnType<typeof append>> = [];
  for (let index = 0; index < 20; index++)
    sent.push(...(await append(engine, [`u${index}`], { receivedAt: at(index) })));
  const range = (from: number, to: number): ReplayRange =>
    by === 'position'
      ? { by, from: sent[from]!.position, to: sent[to]!.position }
      : { by, from: at(from).toISOString(), to: at(to + 1).toISOString() };
  const change = async (run: string, next: ReplayRange) => {
    await db.transaction((tx) => setReplayRange(tx, run, next));
    await countReplay(db, run, () => true);
    const { selected, selectedExact, lanes } = await runOf(engine, run);
    expect(selectedExact).toBe(true);
    const counted = countedEvents(sumCounts(lanes.map(({ counts }) => counts)));
    return { selected, remaining: selected - counted };
  };
  const taken = () => [...engine.sink.taken()].map(([id, times]) => `${id} ${times}`).toSorted();
  const once = (from: number, to: number) =>
    sent
      .slice(from, to + 1)
      .map(({ messageId }) => `${messageId} 1`)
      .toSorted();
  return { engine, sent, range, change, taken, once };
}

describe.each(['position', 'received'] as const)('by %s', (by) => {
  test('an earlier begin sends what lies before, and nothing again', async () => {
    const { engine, sent, range, change, taken, once } = await newScene(by);
    const failing = sent[8]!.messageId;
    const dying = sent[9]!.messageId;
    engine.sink.answer = ({ messageId }) => (messageId === failing ? 500 : messageId === dying ? 422 : 200);
    const run = await newReplay(engine, { range: range(6, 14) });
    await workUntilWaiting(engine, run, 1);
    expect(await change(run, range(2, 14))).toMatchObject({ selected: 13 });
    engine.sink.answer = ({ messageId }) => (messageId === dying ? 422 : 200);
    await comesDue(engine, run);
    await runToEnd(engine, run);
    expect(taken()).toEqual(once(2, 14).filter((one) => one !== `${dying} 1`));
    expect(await countsOf(engine, run)).toEqual({ delivered: 12, dead: 1 });
    expect(engine.sink.of([dying]).filter(({ status }) => status === 422)).toHaveLength(1);
  });

  test('a later begin leaves what lies before: it is not sent, does not wait, and is not counted', async () => {
    const { engine, sent, range, change, taken, once } = await newScene(by);
    const failing = sent[4]!.messageId;
    engine.sink.answer = ({ messageId }) => (messageId === failing ? 500 : 200);
    const run = await newReplay(engine, { range: range(2, 9) });
    await workUntilWaiting(engine, run, 1);
    expect(await change(run, range(6, 12))).toMatchObject({ selected: 7 });
    expect(await waitingOf(engine, run)).toEqual([]);
    await runToEnd(engine, run);
    expect(taken()).toEqual([...once(2, 3), ...once(5, 12)].toSorted());
    expect(await countsOf(engine, run)).toEqual({ delivered: 7 });
  });

  test('a later begin ahead of all that was sent, then the old one again', async () => {
    const { engine, range, change, taken, once } = await newScene(by);
    const run = await newReplay(engine, { range: range(0, 19), pace: { eventsPerSecond: 20 } });
    const working = runSlice(engine, run);
    await engine.sink.arrived(3);
    await setReplayDesired(db, run, 'paused');
    expect(await working).toEqual({ kind: 'stopped' });
    expect(engine.sink.arrivals.length).toBeLessThan(15);
    expect(await change(run, range(17, 19))).toEqual({ selected: 3, remaining: 3 });
    expect((await runOf(engine, run)).lanes[0]!.counts.events).toEqual({});
    expect(await change(run, range(0, 19))).toMatchObject({ selected: 20 });
    await setReplayDesired(db, run, 'running');
    await runToEnd(engine, run);
    expect(taken()).toEqual(once(0, 19));
    expect(await countsOf(engine, run)).toEqual({ delivered: 20 });
  });
});
