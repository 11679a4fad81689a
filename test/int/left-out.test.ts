import { expect, test } from 'vitest';
import { leftOutBySources } from '../../src/db/left-out.ts';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { append, connect, newEngine, newReplay, runSlice, runToEnd, turns } from '../support/engine.ts';
import { newSource } from '../support/events.ts';

const db = await testDatabase();
const api = await testApi(db);
const none = { reasons: {}, exact: true };
const sources = (count: number) => ({ reasons: { sources: count }, exact: true });

async function scene() {
  const engine = await newEngine(db);
  const other = { db, source: await newSource(db) };
  const address = `/api/destinations/${engine.destinationId}`;
  const overview = async (query = '') => (await api.call('GET', `${address}/overview?${query}`)).body;
  return { engine, other, address, overview };
}
const firstSteps = ({ steps }: { steps: readonly unknown[] }) => steps.slice(0, 2);

test('what a destination does not take by its sources is told for its stream, by when it came in, and its replays', async () => {
  const { engine, other, overview } = await scene();
  const [first] = await append(engine, turns(5));
  await append(other, turns(2), { live: false, receivedAt: new Date(Date.now() - 86_400_000) });
  const stream = await connect(engine);
  await append(engine, turns(4));
  await append(other, turns(7));
  await append(other, turns(3), { live: false }); // history never comes to a stream
  expect((await overview()).stream.leftOut).toEqual(none); // it has not come so far
  await runSlice(engine, stream);
  const told = await overview();
  expect(told.stream.leftOut).toEqual(sources(7));
  expect(firstSteps(told.stream)).toEqual([
    { step: 'leftOut', count: 7 },
    { step: 'decided', count: 4 },
  ]);
  expect(told.replays.leftOut).toEqual(none);
  expect((await overview('to=1h')).stream.leftOut).toEqual(none);

  const range = { by: 'position', from: first!.position };
  await runToEnd(engine, await newReplay(engine, { range, filter: { types: ['track'] } }));
  expect((await overview()).replays.leftOut).toEqual(sources(12));
  await runToEnd(engine, await newReplay(engine, { range, filter: { types: ['page'] } }));
  await runToEnd(engine, await newReplay(engine, { range, filter: { sources: [engine.source] } }));
  expect((await overview()).replays.leftOut).toEqual(sources(12));
  await newReplay(engine, { range, filter: { types: ['track'] } }); // nobody has worked it yet
  expect((await overview()).replays.leftOut).toEqual(sources(12));
});

test('each stretch of a stream left out what its own sources did', async () => {
  const { engine, other, address, overview } = await scene();
  await runSlice(engine, await connect(engine));
  await append(other, turns(6));
  const open = async () =>
    (
      await db.rows<{ id: string }>(sql`
        select id from run where destination_id = ${engine.destinationId} and ended_at is null`)
    )[0]!.id;
  await runSlice(engine, await open());
  expect((await api.call('PATCH', address, { sources: null })).status).toBe(200);
  await append(other, turns(2));
  await runSlice(engine, await open());
  await api.call('PATCH', address, { sources: [other.source] });
  await append(engine, turns(3));
  await append(other, turns(4));
  await runSlice(engine, await open());
  expect((await overview()).stream.leftOut).toEqual(sources(9));
});

test('of a long range it is estimated, by samples from all of it, and says so', async () => {
  const { engine, other } = await scene();
  const stream = await connect(engine);
  for (let round = 0; round < 10; round += 1) {
    await append(engine, turns(60));
    await append(other, turns(30 + round * 6));
  }
  await runSlice(engine, stream);
  const period = { from: new Date(Date.now() - 3_600_000), to: new Date(Date.now() + 3_600_000) };
  const told = await leftOutBySources(db, engine.destinationId, period, 400);
  expect(told.stream.exact).toBe(false);
  expect(Math.abs(told.stream.count - 570)).toBeLessThan(570 / 4);
  expect(told.replay).toEqual({ count: 0, exact: true });
  expect((await leftOutBySources(db, engine.destinationId, period)).stream).toEqual({
    count: 570,
    exact: true,
  });
});
