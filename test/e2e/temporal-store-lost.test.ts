import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, expect, test } from 'vitest';
import { startTemporal } from '../../src/dev/temporal.ts';
import { makeProductFolder } from '../support/product.ts';
import { openScene } from '../support/scene.ts';
import type { Sink } from '../support/sink.ts';

const events = 300;
const slow = { pace: { eventsPerSecond: 25 } };

const folder = makeProductFolder();
const dataDir = join(folder.path, 'temporal');
let server = await startTemporal({ dataDir });
afterAll(async () => {
  await server.stop();
  folder.remove();
});
const scene = await openScene({ TEMPORAL_ADDRESS: server.address, TEMPORAL_UI_URL: server.uiUrl });
const messageIds = (await scene.archive(events)).map(({ messageId }) => messageId).toSorted();

async function terminate(workflowId: string): Promise<void> {
  const connection = await Connection.connect({ address: server.address });
  await new Client({ connection }).workflow.getHandle(workflowId).terminate('by hand');
  await connection.close();
}

/** A destination with a replay under way. */
async function underWay() {
  const sink = await scene.newSink();
  const destinationId = await scene.connect(sink);
  const { id } = await scene.replay(destinationId, slow);
  await scene.readUntil(id, 'some have arrived', ({ counts }) => counts.delivered >= 40);
  return { id, destinationId, sink };
}

/** What a sink took, each as often as it came. */
const taken = (sink: Sink) =>
  sink
    .lines()
    .filter(({ answer }) => answer === 200)
    .map(({ messageId }) => String(messageId))
    .toSorted();

test('a replay whose workflow never started is started', async () => {
  const sink = await scene.newSink();
  const destinationId = await scene.connect(sink);
  // As it lies there when the process that took the request died before it had told Temporal.
  const [row] = await scene.rows<{ id: string }>(
    `with made as (
      insert into run (id, destination_id, kind, from_position, to_position, request, actions)
      select gen_random_uuid(), $1, 'replay', 1, ${events}, '{"range": {"by": "position"}}', actions from run where destination_id = $1 returning id
    )
    insert into lane (run_id, lane, bucket_from, bucket_to, mark) select id, 0, 0, 1023, 0 from made returning run_id as id`,
    [destinationId],
  );
  expect(await scene.ended(row!.id)).toMatchObject({ status: 'completed', counts: { delivered: events } });
  expect(taken(sink)).toEqual(messageIds);
});

test('one whose workflow somebody terminates has failed, says so, and another one sends the rest', async () => {
  const { id, destinationId, sink } = await underWay();
  await terminate(`replay/${destinationId}/${id}`);
  const failed = await scene.ended(id);
  expect(failed).toMatchObject({ status: 'failed', statusReason: 'workflow_terminated' });
  expect(failed.counts.delivered).toBeGreaterThanOrEqual(40);
  expect(failed.counts.delivered).toBeLessThan(events);
  const rest = await scene.ended((await scene.replay(destinationId)).id);
  expect(rest.counts).toMatchObject({
    alreadyDelivered: failed.counts.delivered,
    delivered: events - failed.counts.delivered,
  });
  expect(taken(sink)).toEqual(messageIds);
});

test('Temporal’s store is deleted while three replays run: all go on by themselves, and nothing comes twice', async () => {
  const replays = await Promise.all([underWay(), underWay(), underWay()]);
  const { port, uiPort, pid } = server;
  process.kill(pid, 'SIGKILL');
  rmSync(dataDir, { recursive: true });
  server = await startTemporal({ dataDir, port, uiPort });
  expect(server).toMatchObject({ port });
  for (const { id, sink } of replays) {
    expect(await scene.ended(id)).toMatchObject({ status: 'completed', counts: { delivered: events } });
    expect(taken(sink)).toEqual(messageIds);
  }
  // The streams are driven again, too.
  const more = (await scene.archive(20)).slice(events).map(({ messageId }) => messageId);
  for (const { sink } of replays) {
    await expect.poll(() => taken(sink).length, { timeout: 60_000 }).toBe(events + 20);
    expect(taken(sink)).toEqual([...messageIds, ...more].toSorted());
  }
});

test('a stream whose workflow somebody terminates goes on, at work and parked', async () => {
  const sink = await scene.newSink();
  const destinationId = await scene.connect(sink);
  const workflowId = `stream/${destinationId}`;
  const before = (await scene.archive(10)).length - 10;
  const sent = async (count: number) =>
    (await scene.archive(count)).slice(before).map(({ messageId }) => messageId);
  await expect.poll(() => taken(sink).length, { timeout: 60_000 }).toBe(10);
  await terminate(workflowId);
  const more = await sent(10);
  await expect.poll(() => taken(sink), { timeout: 60_000 }).toEqual(more.toSorted());

  const parked = `select 1 from lane l join run r on r.id = l.run_id
    where r.destination_id = $1 and r.kind = 'stream' and l.state = 'parked'`;
  await expect.poll(() => scene.rows(parked, [destinationId]), { timeout: 60_000 }).toHaveLength(1);
  await terminate(workflowId);
  const all = await sent(10);
  await expect.poll(() => taken(sink), { timeout: 60_000 }).toEqual(all.toSorted());
});
