import { expect, test } from 'vitest';
import { flawless, isTaken, judge } from '../support/checker.ts';
import type { SinkLine } from '../support/ledger.ts';
import { isRunning } from '../support/processes.ts';
import { openScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const events = 4_000;

const scene = await openScene();
const acknowledged = await scene.archive(events);

test('every delivery worker killed in mid replay: it goes on by itself, and only what was under way comes twice', async () => {
  const sink = await scene.newSink();
  // One user holds the checkpoint back, so that much is delivered and recorded beyond it.
  await sink.become({ delayMs: 20, slow: { users: ['user-7'], delayMs: 4_000 } });
  const replay = await scene.replay(await scene.connect(sink));
  await until(
    'a third has arrived',
    () => sink.state(),
    ({ answered }) => answered > events / 3,
    { everyMs: 10 },
  );
  const { cursor } = await scene.read(replay.id);

  const killed = deliveryWorkers();
  const { now: killedAt } = await sink.state();
  for (const pid of killed) process.kill(pid, 'SIGKILL');
  await sink.become({ delayMs: 20 });
  await until(
    'they are gone and the sink is done with what they had sent',
    async () => ({ running: killed.some(isRunning), ...(await sink.state()) }),
    ({ running, received, answered }) => !running && received === answered,
    { everyMs: 5 },
  );
  const before = sink.lines();
  const recorded = await recordedAsDelivered(replay.id);
  const inFlight = before.filter(({ answeredAt }) => answeredAt > killedAt);
  // The kill hit a transfer that was under way, with much on both sides of it.
  expect(killed).toHaveLength(2);
  expect(inFlight.length).toBeGreaterThan(0);
  expect(recorded.size - cursor.position).toBeGreaterThan(events / 10);
  expect(before.length).toBeLessThan(events * 0.9);
  expect([...recorded].filter((id) => !before.some(({ messageId }) => messageId === id))).toEqual([]);

  const ended = await until(
    'the replay ends',
    async () => ({ ...(await scene.read(replay.id)), taken: countTaken(sink.lines()) }),
    ({ status, counts, taken }) => {
      expect(counts.delivered, 'more is said to be delivered than arrived').toBeLessThanOrEqual(taken);
      return status !== 'running';
    },
    { everyMs: 200 },
  );
  expect(ended).toMatchObject({ status: 'completed', counts: { delivered: events, remaining: 0 } });
  const { duplicates, ...verdict } = judge([acknowledged], sink.lines());
  expect(verdict).toEqual({ ...flawless, duplicates: undefined });
  // Twice came only what the dead had not yet written down: what was in flight, and what was settled since their
  // last commit, which is never more than a second ago.
  expect(duplicates.filter((id) => recorded.has(id))).toEqual([]);
  const late = before.filter(({ answeredAt }) => answeredAt > killedAt - 1_000);
  expect(duplicates.length).toBeLessThanOrEqual(late.length);
});

test('Ctrl-C in mid replay and a start in the same folder: it goes on, and nothing comes twice', async () => {
  const sink = await scene.newSink();
  await sink.become({ delayMs: 20 });
  const destinationId = await scene.connect(sink);
  const replay = await scene.replay(destinationId);
  await until(
    'a third has arrived',
    () => sink.state(),
    ({ answered }) => answered > events / 3,
    { everyMs: 10 },
  );

  expect(await scene.product.stop()).toBe(0);
  const { received, answered } = await sink.state();
  expect(received).toBe(answered);
  expect(answered).toBeLessThan(events * 0.9);
  await scene.restart();

  const ended = await scene.ended(replay.id);
  expect(ended).toMatchObject({ status: 'completed', counts: { delivered: events, remaining: 0 } });
  // Its end frees the destination at once.
  const again = await scene.ended((await scene.replay(destinationId)).id);
  expect(again.counts).toMatchObject({ selected: events, alreadyDelivered: events });
  expect(judge([acknowledged], sink.lines())).toEqual(flawless);
});

function deliveryWorkers(): number[] {
  const processes = Object.entries(scene.product.processes());
  return processes.filter(([name]) => name.startsWith('delivery-')).map(([, pid]) => pid);
}

function countTaken(lines: readonly SinkLine[]): number {
  return new Set(lines.filter(isTaken).map(({ messageId }) => messageId)).size;
}

/** The messageIds whose bit a replay has set. */
async function recordedAsDelivered(replayId: string): Promise<Set<string>> {
  const rows = await scene.rows<{ message_id: string }>(
    `select e.message_id from run r
       join coverage c on c.run = r.number
       join event e on e.position / 8192 = c.chunk and get_bit(c.bits, (e.position % 8192)::int) = 1
     where r.id = $1`,
    [replayId],
  );
  return new Set(rows.map((row) => row.message_id));
}
