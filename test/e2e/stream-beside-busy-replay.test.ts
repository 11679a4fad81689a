import { expect, test } from 'vitest';
import { openScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** So many slices of replays does one delivery process work at once. */
const replaySlots = 50;
const lanes = 64;

const scene = await openScene({ REPRISE_WORKERS: '1' });
const sink = await scene.newSink();

/** Lanes of a replay that somebody has worked. */
async function worked(replayId: string): Promise<number> {
  const [row] = await scene.rows<{ worked: number }>(
    'select count(*)::int as worked from lane where run_id = $1 and lease_renewals > 0',
    [replayId],
  );
  return row!.worked;
}

test('a replay that has all slots for replays, and wants more, does not hold a stream', async () => {
  const client = scene.client();
  await client.send(4_000, { users: 2_000 });
  await sink.become({ delayMs: 3_000 });
  const destinationId = await scene.connect(sink, { settings: { url: sink.url, concurrency: 1 } });
  const replay = await scene.replay(destinationId, { pace: { lanes } });
  expect(replay.pace.lanes).toBe(lanes);
  await until(
    'all its slots are taken',
    () => worked(replay.id),
    (count) => count >= replaySlots,
  );
  await client.send(1);
  await client.close();
  const { messageId } = client.acknowledged().at(-1)!;
  await until(
    'the live event has arrived',
    () => sink.lines().some((line) => line.messageId === messageId),
    (arrived) => arrived,
    { deadlineMs: 45_000 },
  );
  expect(await worked(replay.id)).toBe(replaySlots); // the others still wait for theirs
  expect(await scene.read(replay.id)).toMatchObject({ status: 'running' });
});
