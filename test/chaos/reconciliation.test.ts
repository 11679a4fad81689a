import { expect, test } from 'vitest';
import { flawless, judge } from '../support/checker.ts';
import type { Replay } from '../support/product.ts';
import { until } from '../support/until.ts';
import { killServer } from './faults.ts';
import { expectSound, openScenery, tell } from './run.ts';
import { openTransfer } from './transfer.ts';

const { stage, past, seed } = await openScenery(1_000);
const slow = { pace: 60 };

test('a replay that is asked for while Temporal is away is accepted, and runs when it is back', async () => {
  await stage.servers.temporal.kill();
  const transfer = await openTransfer({ stage, past, name: 'away', livePerSecond: 0 });
  expect(await readReplay(transfer.replayId)).toMatchObject({ status: 'running', counts: { delivered: 0 } });
  await stage.servers.temporal.start();
  const finding = await transfer.finish();
  expectSound(finding);
  expect(finding.verdict).toEqual(flawless);
});

test('a replay whose workflow is terminated by hand ends as failed, and another sends the rest once', async () => {
  const transfer = await openTransfer({ stage, past, name: 'ended', livePerSecond: 0, ...slow });
  await transfer.underWay();
  const { workflow } = await readReplay(transfer.replayId);
  await stage.temporal.terminate(workflow.id);
  const ended = await untilEnded(transfer.replayId);
  expect(ended).toMatchObject({ status: 'failed', statusReason: 'workflow_terminated' });
  const { received, answered } = await transfer.sink.state();
  expect(answered).toBe(received);
  expect(ended.counts).toMatchObject({ delivered: answered, remaining: past.lines.length - answered });
  expect(ended.counts.remaining).toBeGreaterThan(0);

  const { destinationId, sink } = transfer;
  const again = await stage.call('POST', '/api/replays', { destinationId });
  expect(await untilEnded(again.body.id)).toMatchObject({
    status: 'completed',
    counts: { delivered: ended.counts.remaining, alreadyDelivered: ended.counts.delivered },
  });
  expect(judge([past.lines], sink.lines())).toEqual(flawless);
  await transfer.disconnect();
});

test('Temporal’s store is lost while three replays run: all complete, and nothing comes twice', async () => {
  const names = ['lost-1', 'lost-2', 'lost-3'];
  const transfers = await Promise.all(
    names.map((name) => openTransfer({ stage, past, name, livePerSecond: 20, ...slow })),
  );
  for (const transfer of transfers) await transfer.underWay();
  const away = killServer('temporal', 2_000);
  const lost = (async () => {
    await stage.servers.temporal.kill();
    stage.servers.forgetTemporal();
    await stage.servers.temporal.start();
  })();
  await Promise.all(
    transfers.map((one) => one.fault({ ...away, name: 'Temporal forgets everything' }, () => lost)),
  );
  for (const finding of await Promise.all(transfers.map((one) => one.finish()))) {
    tell(seed, finding);
    expectSound(finding);
    expect(finding.verdict.duplicates).toEqual([]);
  }
});

async function readReplay(id: string): Promise<Replay> {
  return (await stage.call('GET', `/api/replays/${id}`)).body as Replay;
}

async function untilEnded(id: string): Promise<Replay> {
  return await until(
    'the replay ends',
    () => readReplay(id),
    ({ status }) => status !== 'running',
  );
}
