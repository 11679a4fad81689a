import { expect, test } from 'vitest';
import { rejectedEvent } from '../../src/core/new-event.ts';
import { rejectEvents } from '../../src/db/archive/rejected.ts';
import { dropTooOld } from '../../src/db/retention/drop.ts';
import { sumUpChunks } from '../../src/db/search/summaries.ts';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { append, countsOf, newEngine, newReplay, runToEnd } from '../support/engine.ts';

const size = 4_194_304;
const db = await testDatabase({ maxConnections: 24 });
const api = await testApi(db);

const longAgo = new Date(Date.now() - 500 * 86_400_000);
const goTo = (position: number) => db.run(sql`select setval('event_position', ${position}::bigint)`);
const change = async (body: Record<string, unknown>) =>
  (await api.call('PATCH', '/api/retention', body)).body;
const positions = async () =>
  (await db.rows<{ position: number }>(sql`select position from event order by 1`)).map(
    (row) => row.position,
  );
const countOf = async (table: 'coverage' | 'dead_letter' | 'rejected_event') => {
  const from = {
    coverage: sql`coverage`,
    dead_letter: sql`dead_letter`,
    rejected_event: sql`rejected_event`,
  };
  const [row] = await db.rows<{ count: number }>(sql`select count(*) as count from ${from[table]}`);
  return row!.count;
};

test('whole partitions go once they are too old and nobody needs them; what cannot be reached is said', async () => {
  const engine = await newEngine(db);
  const old = { receivedAt: longAgo };
  await append(engine, ['a', 'b', 'dies'], old);
  await goTo(size + 4);
  await append(engine, ['a', 'b'], old);
  await append(engine, ['a']);
  await goTo(2 * size + 4);
  await append(engine, ['a']);
  const before = await positions();
  engine.sink.answer = ({ userId }) => (userId === 'dies' ? 400 : 200);
  for (const receivedAt of [longAgo, new Date()]) {
    const where = { sourceId: engine.source, receivedAt };
    await rejectEvents(db, [rejectedEvent('malformed_json', Buffer.from('{'), null, where).rejected]);
  }
  const replay = await newReplay(engine);
  const beforeIt = await api.call('GET', '/api/events?order=oldest&limit=2');
  expect(beforeIt.body).toMatchObject({
    data: [{ position: 1 }, { position: 2 }],
    keptFrom: { position: 1, receivedAt: null },
  });
  const destination = `/api/destinations/${engine.destinationId}`;
  await db.run(sql`update destination set seam = ${size + 6} where id = ${engine.destinationId}`);
  expect((await api.call('GET', destination)).body).toMatchObject({ seam: size + 6, unreachable: null });
  await sumUpChunks(db);

  expect(await api.call('GET', '/api/retention')).toMatchObject({
    body: { days: null, keptFrom: { position: 1, receivedAt: null }, tooOld: { partitions: 0 } },
  });
  const preview = await change({ days: 400, dryRun: true });
  expect(preview.tooOld).toMatchObject({ partitions: 1, toPosition: size - 1 });
  expect(preview.tooOld.heldBy).toEqual([
    { runId: replay, kind: 'replay', destinationId: engine.destinationId },
  ]);
  expect(await dropTooOld(db)).toBe(0);
  expect((await api.call('GET', '/api/retention')).body.days).toBeNull();

  await change({ days: 400 });
  expect(await dropTooOld(db)).toBe(0); // the replay has yet to read it
  expect(await positions()).toEqual(before);
  await runToEnd(engine, replay);
  expect(await countsOf(engine, replay)).toEqual({ delivered: 6, dead: 1 });
  expect([await countOf('coverage'), await countOf('dead_letter')]).toEqual([3, 1]);
  expect(await dropTooOld(db)).toBe(1);

  expect(await positions()).toEqual(before.slice(3)); // what is partly too old is all there
  expect([await countOf('coverage'), await countOf('dead_letter'), await countOf('rejected_event')]).toEqual([
    2, 0, 1,
  ]);
  expect((await api.call('GET', '/api/retention')).body).toMatchObject({
    days: 400,
    keptFrom: { position: size, receivedAt: expect.any(String) },
    tooOld: { partitions: 0 },
  });
  const kept = { position: size, receivedAt: expect.any(String) as string };
  const on = await api.call('GET', `/api/events?order=oldest&cursor=${beforeIt.body.nextCursor}`);
  const last = await api.call('GET', `/api/events?order=oldest&cursor=${on.body.nextCursor}`);
  const listed: { position: number }[] = [...on.body.data, ...last.body.data];
  expect(listed.map((event) => event.position)).toEqual(before.slice(3));
  expect(on.body.keptFrom).toEqual(kept);
  expect(last.body).toMatchObject({ nextCursor: null, keptFrom: kept });
  expect((await api.call('GET', destination)).body.unreachable).toEqual({
    toPosition: size - 1,
    before: kept.receivedAt,
  });
  const [chunks] = await db.rows<{ first: number }>(sql`select min(chunk) as first from archive_chunk`);
  expect(chunks?.first).toBe(size / 8_192);
  const [lists] = await db.rows<{ below: number }>(
    sql`select count(*) filter (where chunk < ${size / 8_192}::bigint) as below from archive_person`,
  );
  expect(lists?.below).toBe(0);
  const tables = await db.rows(sql`select 1 from pg_class where relname = 'event_p0'`);
  expect(tables).toEqual([]);
  const ask = async (range: Record<string, unknown>) => {
    const request = { destinationId: engine.destinationId, mode: 'all', range };
    const { body } = await api.call('POST', '/api/replays', request);
    await api.call('POST', `/api/replays/${body.id}/cancel`);
    return body;
  };
  const all = await ask({});
  expect(all.range.unreachable).toEqual({ toPosition: size - 1, before: expect.any(String) });
  expect(all).toMatchObject({ range: { fromPosition: size }, counts: { selected: 4, remaining: 4 } });
  expect((await api.call('GET', `/api/replays/${all.id}`)).body.range).toEqual(all.range);
  expect((await ask({ from: new Date(Date.now() - 86_400_000).toISOString() })).range.unreachable).toBeNull();
  expect((await ask({ by: 'position', from: size })).range.unreachable).toBeNull();
  expect((await ask({ by: 'position', from: 5, to: 9 })).counts.selected).toBe(0);
});

test('behind a reader that takes its time it is tried again, and no append waits for long', async () => {
  const engine = await newEngine(db);
  await goTo(5 * size + 4);
  await append(engine, ['a'], { receivedAt: longAgo });
  await goTo(6 * size + 4);
  await append(engine, ['a']);
  await db.run(sql`delete from event where position < ${5 * size}`);
  await db.run(sql`update run set ended_at = now(), ended_as = 'cancelled' where ended_at is null`);
  await db.transaction(async (reader) => {
    await reader.rows(sql`select count(*) from event`); // holds its lock until the end
    const drop = { goesOn: true };
    const refused = expect(dropTooOld(db)).rejects.toThrow(/lock timeout/);
    const waits: number[] = [];
    void refused.finally(() => (drop.goesOn = false));
    while (drop.goesOn) {
      const since = performance.now();
      await append(engine, ['b']);
      waits.push(performance.now() - since);
    }
    await refused;
    expect(waits.length).toBeGreaterThan(0);
  });
  const { length } = await positions();
  expect(await dropTooOld(db)).toBeGreaterThan(0);
  expect((await positions()).length).toBe(length - 1);
});

test('says what is wrong', async () => {
  expect((await api.call('PATCH', '/api/retention', { days: 0 })).body).toMatchObject({
    code: 'invalid_body',
    errors: [{ pointer: '/days' }],
  });
  expect((await api.call('PATCH', '/api/retention', {})).body.errors[0].pointer).toBe('/days');
  expect((await change({ days: null })).days).toBeNull();
});
