import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { sumCounts } from '../../src/core/counts.ts';
import { chunkPositions } from '../../src/core/coverage.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  bitsOf,
  connect,
  countsOf,
  newEngine,
  newReplay,
  runOf,
  runToEnd,
  turns,
  type Engine,
  type Sent,
} from '../support/engine.ts';

const db = await testDatabase();

const positions = (sent: readonly Sent[]) => sent.map(({ position }) => position);
const idsOf = (sent: readonly Sent[]) => sent.map(({ messageId }) => messageId).sort();
const arrived = (engine: Engine, from = 0) =>
  engine.sink.arrivals
    .slice(from)
    .map(({ messageId }) => messageId)
    .sort();

async function addAction({ destinationId }: Engine): Promise<string> {
  const id = randomUUID();
  await db.run(sql`insert into action (id, destination_id, name) values (${id}, ${destinationId}, 'Later')`);
  await db.run(sql`insert into action_version (action_id, version) values (${id}, 1)`);
  return id;
}

async function replayed(engine: Engine, request: Record<string, unknown> = {}) {
  const before = engine.sink.arrivals.length;
  const run = await runToEnd(engine, await newReplay(engine, request));
  const counts = sumCounts(run.lanes.map((lane) => lane.counts));
  return { run, counts, arrived: arrived(engine, before) };
}

test('a default replay sends what is lacking; the same again sends nothing and has all of it too', async () => {
  const engine = await newEngine(db);
  const past = await append(engine, turns(40));
  const stream = await connect(engine);
  const live = await append(engine, turns(30));
  await runToEnd(engine, stream);
  expect(arrived(engine)).toEqual(idsOf(live));

  const first = await replayed(engine);
  expect(first.arrived).toEqual(idsOf(past));
  expect(first.run).toMatchObject({ selected: 70, endedAs: 'completed' });
  expect(first.counts.events).toEqual({ delivered: 40, alreadyDelivered: 30 });

  const again = await replayed(engine);
  expect(again.arrived).toEqual([]);
  expect(again.counts.events).toEqual({ alreadyDelivered: 70 });
  expect(again.counts.byAction).toEqual({ [engine.actions[0]!]: { alreadyDelivered: 70 } });
  expect(await bitsOf(engine, again.run.id, engine.actions[0]!)).toEqual(positions([...past, ...live]));
});

test('the bits of a replay that sent nothing count by themselves', async () => {
  const engine = await newEngine(db);
  const past = await append(engine, turns(5));
  const first = await replayed(engine);
  const second = await replayed(engine);
  await db.run(sql`delete from coverage where run = ${first.run.number}`);
  expect((await replayed(engine)).counts.events).toEqual({ alreadyDelivered: 5 });
  await db.run(
    sql`delete from coverage where run >= ${second.run.number} and action_id = ${engine.actions[0]!}`,
  );
  expect((await replayed(engine)).arrived).toEqual(idsOf(past));
});

test('imported history does not go out live, and a replay sends it', async () => {
  const engine = await newEngine(db);
  const stream = await connect(engine);
  const live = await append(engine, turns(4));
  const imported = await append(engine, turns(6), { live: false });
  const later = await append(engine, turns(4));
  await runToEnd(engine, stream);
  expect(arrived(engine)).toEqual(idsOf([...live, ...later]));
  expect(await countsOf(engine, stream)).toEqual({ delivered: 8 });
  expect((await runOf(engine, stream)).lanes[0]!.mark).toBeGreaterThanOrEqual(later.at(-1)!.position);

  const { counts, ...first } = await replayed(engine);
  expect(first.arrived).toEqual(idsOf(imported));
  expect(counts.events).toEqual({ delivered: 6, alreadyDelivered: 8 });
});

test('an action that was added later lacks what came before, and only that is sent', async () => {
  const engine = await newEngine(db);
  const past = await append(engine, turns(8));
  await replayed(engine);
  const later = await addAction(engine);
  const { counts, run, ...second } = await replayed(engine);
  expect(second.arrived).toEqual(idsOf(past));
  expect(counts.byAction).toEqual({
    [engine.actions[0]!]: { alreadyDelivered: 8 },
    [later]: { delivered: 8 },
  });
  // By precedence an event of which anything was sent is delivered.
  expect(counts.events).toEqual({ delivered: 8 });
  expect(run.actions).toHaveLength(2);
  const ids = engine.sink.arrivals.map(({ id }) => id);
  expect(new Set(ids).size).toBe(16);
});

test('a raised epoch makes all of it missing again, for that action alone', async () => {
  const engine = await newEngine(db, { actions: 2 });
  const past = await append(engine, turns(6));
  const { run } = await replayed(engine);
  const [raised, kept] = engine.actions;
  await db.run(sql`update action set epoch = ${run.number} where id = ${raised!}`);
  expect((await replayed(engine)).counts.events).toEqual({ alreadyDelivered: 6 }); // the epoch itself still counts
  const [{ next }] = (await db.rows<{ next: number }>(sql`select max(number) + 1 as next from run`)) as [
    { next: number },
  ];
  await db.run(sql`update action set epoch = ${next} where id = ${raised!}`);
  const again = await replayed(engine);
  expect(again.arrived).toEqual(idsOf(past));
  expect(again.counts.byAction).toEqual({ [raised!]: { delivered: 6 }, [kept!]: { alreadyDelivered: 6 } });
  // The same delivery has the same id, so that a receiver that drops what it knows takes nothing twice.
  const ids = engine.sink.arrivals.map(({ id }) => id);
  expect(new Set(ids).size).toBe(12);
});

test('what one destination has, another lacks', async () => {
  const one = await newEngine(db);
  const past = await append(one, turns(5));
  await replayed(one);
  const other = { ...(await newEngine(db, { allSources: true })), source: one.source };
  const second = await replayed(other, { filter: { sources: [one.source] } });
  expect(second.arrived).toEqual(idsOf(past));
});

test('bits stand right at the borders of chunks and bytes', async () => {
  const engine = await newEngine(db);
  const border = 3 * chunkPositions;
  await db.run(sql`select setval('event_position', ${border - 9})`);
  const past = await append(engine, turns(18));
  expect(positions(past)).toEqual(Array.from({ length: 18 }, (_, index) => border - 8 + index));
  const skipped = new Set([border - 1, border, border + 7]);
  const wanted = past.filter(({ position }) => !skipped.has(position));
  for (const position of [border - 1, border, border + 7]) {
    await replayed(engine, { range: { by: 'position', from: position, to: position } });
  }
  const rest = await replayed(engine);
  expect(rest.arrived).toEqual(idsOf(wanted));
  expect(rest.counts.events).toEqual({ delivered: 15, alreadyDelivered: 3 });
  expect(await bitsOf(engine, rest.run.id, engine.actions[0]!)).toEqual(positions(past));
});

test('a run that is done with a hundred thousand positions of others reads past them', async () => {
  const engine = await newEngine(db);
  const [first] = await append(engine, ['u1']);
  await db.run(sql`select setval('event_position', (select last_value from event_position) + 100000)`);
  const [last] = await append(engine, ['u2']);
  const { run, ...replay } = await replayed(engine);
  expect(replay.arrived).toEqual(idsOf([first!, last!]));
  expect(run.lanes[0]!.mark).toBe(last!.position);
});

test('what all arrives leaves a row for each chunk that it lies in, with its run and times, and no other', async () => {
  const engine = await newEngine(db, { settings: { batchSize: 500 } });
  await db.run(
    sql`select setval('event_position', (select last_value / 8192 * 8192 + 3 * 8192 - 1 from event_position))`,
  );
  const past = await append(engine, turns(2 * chunkPositions, 500));
  const { run, counts } = await replayed(engine);
  expect(counts.events).toEqual({ delivered: past.length });
  const rows = await db.rows<{ chunk: number; bytes: number; within: boolean }>(sql`
    select c.chunk, length(bit_send(c.bits)) - 4 as bytes,
      r.started_at <= c.first_at and c.first_at <= c.last_at and c.last_at <= r.ended_at as within
    from coverage c join run r on r.number = c.run where c.action_id = ${engine.actions[0]!} order by c.chunk`);
  const [chunk] = rows.map((row) => row.chunk) as [number];
  expect(rows).toEqual([
    { chunk, bytes: 1_024, within: true },
    { chunk: chunk + 1, bytes: 1_024, within: true },
  ]);
  for (const exception of [sql`waiting_delivery`, sql`dead_letter`])
    expect(await db.rows(sql`select 1 from ${exception} where run_id = ${run.id}`)).toEqual([]);
});
